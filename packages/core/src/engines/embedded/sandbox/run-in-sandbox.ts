import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { MabuildError } from '@mabuild/oci';
import { failureOf, type ProgramPlace, runProgram, writeProgram } from './batch.ts';
import { registerSteps } from './binfmt.ts';
import { type ChangedEntry, overlayChanges } from './changes.ts';
import { composeRoot, folderChanges, takeSnapshot } from './compose.ts';
import { type ContainerMount, type ContainerRoot, containerSteps, parentsOf } from './container.ts';
import { runInChroot } from './run-in-chroot.ts';
import type { FrameReader } from './frames.ts';
import type { JobEntry, JobLayer, JobMessage, JobMount, SandboxJob } from './job.ts';
import { here, mountFlags, must } from './kernel.ts';
import { layersOf, type ShelfSite, shelfPath, unpackOnce } from './layer-shelf.ts';
import { mergedNode, mergedPath, type UnpackedLayer } from './merged.ts';
import { failedStepExitCode, type Step } from './syscall-program.ts';

/** One RUN inside a helper. */
export interface SandboxRun {
  readonly job: SandboxJob;
  readonly run: NonNullable<SandboxJob['run']>;
  /** The topmost first. */
  readonly layers: readonly UnpackedLayer[];
  readonly frames: FrameReader;
  readonly site: ShelfSite;
  /** Folder of this job, on the file system of the layers. */
  readonly work: string;
  readonly signal: AbortSignal;
  readonly say: (message: JobMessage) => void;
  readonly output: HelperOutput;
}

/** Where a command's output goes. */
export interface HelperOutput {
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Executes a RUN, and tells its exit code and what it changed. */
export async function runInSandbox(context: SandboxRun): Promise<void> {
  const { job, run, layers, site, work } = context;
  if (job.kind === 'chroot') {
    await runInChroot(context);
    return;
  }
  const secret = makePrivate(context);
  const place = { ...site.place, directory: secret };
  mkdirSync(`${work}/mounts`);
  if (run.emulators.length > 0) check(runProgram(place, registerSteps(`${secret}/binfmt`, run.emulators)));
  const root = job.fileSystem === 'overlay' ? overlayRoot(context) : folderRoot(context);
  const mounts: ContainerMount[] = [];
  for (const [index, mount] of run.mounts.entries())
    mounts.push(await mountOf(mount, `${work}/mounts/${index}`, context));
  const own = ownFiles(run.files, secret);
  const targets = [...own, ...mounts].map(({ target }) => target);
  const stubs = stubsOf(layers, ['/proc', '/dev', '/sys', ...targets]);
  const steps = containerSteps({
    root: root.root,
    command: run.command,
    mounts: [...own, ...mounts],
    hostname: run.hostname,
    network: run.network,
    realRoot: job.kind === 'namespaces',
    singleUser: job.singleUser,
    procNames: new Set(readdirSync('/proc')),
  });
  if (!(await executed(writeProgram(place, steps), steps, context))) return;
  removeStubs(root.written, stubs);
  tellChanges(root.changes(), context);
}

/** Programs hold environments, and secrets are secret: neither reaches the disk. */
function makePrivate({ work, site }: SandboxRun): string {
  const folder = `${work}/private`;
  mkdirSync(folder, { mode: 0o700 });
  check(
    runProgram(site.place, [
      must('mount a tmpfs', 'mount', 'tmpfs', folder, 'tmpfs', mountFlags.noDevices, 'mode=700'),
    ]),
  );
  return folder;
}

/** Runs the container's program and tells how it ended. @param endOthers ends what the command left running @returns whether it ended well */
export async function executed(
  file: string,
  steps: readonly Step[],
  context: SandboxRun,
  endOthers: () => void = () => undefined,
): Promise<boolean> {
  const code = await execute(file, steps, context, endOthers);
  if (code === undefined) return false;
  context.say({ kind: 'exited', code });
  return code === 0;
}

export function tellChanges(changes: readonly ChangedEntry[], { run, say }: SandboxRun): void {
  say({ kind: 'changed', entries: writeContents(changes, run.contents) });
}

interface RootFiles {
  readonly root: ContainerRoot;
  /** Folder that gets what the command writes. */
  readonly written: string;
  changes(): readonly ChangedEntry[];
}

function overlayRoot({ job, layers, site, work }: SandboxRun): RootFiles {
  for (const name of ['upper', 'work', 'merged']) mkdirSync(`${work}/${name}`);
  const relative = (name: string): string => `work/${basename(work)}/${name}`;
  const lower = job.layers.map(({ id }) => shelfPath(id)).reverse();
  if (lower.length === 0) mkdirSync(`${work}/empty`);
  const upper = `${work}/upper`;
  copyRootOwner(layers, upper);
  const userAttributes = site.marks === 'user';
  return {
    written: upper,
    root: {
      kind: 'overlay',
      directory: job.directory,
      lower: lower.length === 0 ? [relative('empty')] : lower,
      ...{ upper: relative('upper'), work: relative('work'), merged: relative('merged') },
      userAttributes,
    },
    changes: () => overlayChanges({ upper, below: layers, place: site.place, userAttributes }),
  };
}

function folderRoot({ layers, site, work }: SandboxRun): RootFiles {
  const path = `${work}/root`;
  mkdirSync(path);
  copyRootOwner(layers, path);
  composeRoot(layers, path, site.place);
  const before = takeSnapshot(path);
  return {
    written: path,
    root: { kind: 'folder', path },
    changes: () => folderChanges(path, before, site.place, new Set()),
  };
}

/** Files that every container gets. */
export function ownFiles(
  files: { readonly resolv: string; readonly hosts: string },
  folder: string,
): readonly (ContainerMount & { readonly kind: 'tree' })[] {
  const contents = { 'resolv.conf': files.resolv, hosts: files.hosts, dockerenv: '' };
  return Object.entries(contents).map(([name, content]) => {
    writeFileSync(`${folder}/${name}`, content, { mode: 0o644 });
    chmodSync(`${folder}/${name}`, 0o644);
    const target = name === 'dockerenv' ? '/.dockerenv' : `/etc/${name}`;
    return { kind: 'tree', root: folder, path: name, target, type: 'file', readOnly: true };
  });
}

/** The root folder's owner and mode come from the upper layer. */
export function copyRootOwner(layers: readonly UnpackedLayer[], upper: string): void {
  const stats = mergedNode(layers, '')?.stats;
  chmodSync(upper, stats === undefined ? 0o755 : stats.mode & 0o7777);
  if (stats !== undefined) chownSync(upper, stats.uid, stats.gid);
}

async function mountOf(mount: JobMount, folder: string, context: SandboxRun): Promise<ContainerMount> {
  const { job, site } = context;
  const { target } = mount;
  switch (mount.kind) {
    case 'tmpfs': {
      const size = mount.size === undefined ? '' : `,size=${mount.size}`;
      return { kind: 'tmpfs', target, options: `mode=1777${size}` };
    }
    case 'secret': {
      const name = `secret-${basename(folder)}`;
      const file = `${context.work}/private/${name}`;
      writeFileSync(file, Buffer.from(mount.content, 'base64'), { mode: 0o600 });
      chownSync(file, mount.uid, mount.gid);
      chmodSync(file, mount.mode);
      return { kind: 'tree', root: dirname(file), path: name, target, type: 'file', readOnly: true };
    }
    case 'ssh':
      return {
        ...{ kind: 'tree', root: dirname(mount.socket), path: basename(mount.socket) },
        ...{ target, type: 'file', readOnly: true },
      };
    case 'bind': {
      const { root, layers } = await rootOf(mount.from, mount.readOnly, folder, context);
      const path = mergedPath(layers, mount.path);
      const found = mergedNode(layers, path);
      if (found === undefined) {
        throw new MabuildError(`mounting ${target}: there is no /${mount.path} in what it takes from`, {
          code: 'BUILD_FAILED',
          hint: 'look at source= and from= of --mount, and at .dockerignore',
        });
      }
      const type = found.stats.isDirectory() ? 'directory' : 'file';
      return { kind: 'tree', root, path, target, type, readOnly: mount.readOnly };
    }
    default: {
      const cache = `${job.directory}/caches/${mount.name}`;
      if (mount.fresh) rmSync(cache, { recursive: true, force: true });
      if (!existsSync(cache)) {
        const made = `${folder}-cache`;
        mkdirSync(made);
        chownSync(made, mount.uid, mount.gid);
        chmodSync(made, mount.mode);
        if (mount.from !== undefined) await fillCache(mount.from, mount.path, made, folder, context);
        try {
          renameSync(made, cache);
        } catch (error) {
          // Somebody else was faster.
          if (!existsSync(cache)) throw error;
        }
      }
      return { kind: 'tree', root: cache, path: '', target, type: 'directory', readOnly: mount.readOnly };
    }
  }

  async function fillCache(
    from: readonly JobLayer[] | 'tar',
    path: string,
    made: string,
    at: string,
    where: SandboxRun,
  ): Promise<void> {
    const { root, layers } = await rootOf(from, true, at, where);
    const source = `${root}/${mergedPath(layers, path)}`;
    const { status, error } = await spawned('cp', ['-a', '--reflink=auto', `${source}/.`, made], site.onNote);
    if (status === 0) return;
    throw new MabuildError(`filling the cache of ${target}: cp failed${error ? ` (${error})` : ''}`, {
      code: 'BUILD_FAILED',
      hint: 'look at source= and from= of --mount',
    });
  }
}

/** Puts the layers that a mount takes from together; what is written to them is thrown away. */
export async function rootOf(
  from: readonly JobLayer[] | 'tar',
  readOnly: boolean,
  folder: string,
  { job, frames, site, work }: SandboxRun,
): Promise<{ readonly root: string; readonly layers: readonly UnpackedLayer[] }> {
  mkdirSync(folder);
  if (job.fileSystem === 'copy') {
    if (from === 'tar') return { root: `${folder}/tar`, layers: [await unpackOnce(frames.next(), `${folder}/tar`, site)] };
    mkdirSync(`${folder}/tar`);
    composeRoot(await layersOf(from, () => frames.next(), site), `${folder}/tar`, site.place);
    return { root: `${folder}/tar`, layers: [{ root: `${folder}/tar`, opaque: new Set() }] };
  }
  const relative = (name: string): string => `work/${basename(work)}/mounts/${basename(folder)}${name}`;
  let layers: readonly UnpackedLayer[];
  let lower: readonly string[];
  if (from === 'tar') {
    layers = [await unpackOnce(frames.next(), `${folder}/tar`, site)];
    lower = [relative('/tar')];
    if (readOnly) return { root: `${folder}/tar`, layers };
  } else {
    layers = await layersOf(from, () => frames.next(), site);
    lower = from.map(({ id }) => shelfPath(id)).reverse();
    if (lower.length === 0) {
      mkdirSync(`${folder}/tar`);
      return { root: `${folder}/tar`, layers: [{ root: `${folder}/tar`, opaque: new Set() }] };
    }
  }
  for (const name of ['upper', 'work', 'merged']) mkdirSync(`${folder}/${name}`);
  copyRootOwner(layers, `${folder}/upper`);
  const options = [
    `lowerdir=${lower.join(':')}`,
    `upperdir=${relative('/upper')},workdir=${relative('/work')}`,
    ...(site.marks === 'user' ? ['userxattr'] : []),
  ];
  check(
    runProgram(site.place, [
      must('enter the cache', 'chdir', job.directory),
      must(
        'mount overlayfs',
        'mount',
        'overlay',
        relative('/merged'),
        'overlay',
        mountFlags.noDevices,
        options.join(','),
      ),
    ]),
  );
  return { root: `${folder}/merged`, layers };
}

/** Runs the container's program; `undefined` when its command did not start, which is told. */
async function execute(
  file: string,
  steps: readonly Step[],
  { signal, say, output, site }: SandboxRun,
  endOthers: () => void,
): Promise<number | undefined> {
  const folder = dirname(file);
  const pipes = (['stdout', 'stderr'] as const).map((name) => openPipe(site.place, `${folder}/${name}`));
  const child = spawn(file, [], {
    // The command sees it in its /proc.
    argv0: 'init',
    stdio: ['ignore', ...pipes.map(({ writer }) => writer), 'pipe'],
    env: {},
  });
  for (const { writer } of pipes) closeSync(writer);
  const drained = pipes.map(({ reader }, index) =>
    drain(reader, index === 0 ? output.stdout : output.stderr),
  );
  const report: Buffer[] = [];
  child.stdio[3]?.on('data', (chunk: Buffer) => report.push(chunk));
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, ended) => resolve(status ?? (ended === 'SIGKILL' ? 137 : 255)));
  });
  // What it left running holds the pipes open.
  endOthers();
  signal.throwIfAborted();
  await Promise.all(drained);
  const failure = code === failedStepExitCode ? failureOf(steps, Buffer.concat(report)) : undefined;
  if (failure === undefined) return code;
  say({ kind: 'not-started', ...failure });
  return undefined;
}

/** A pipe with a name: Node's own are sockets, which a command cannot open again as /dev/stdout. */
function openPipe(place: ProgramPlace, path: string): { readonly reader: number; readonly writer: number } {
  check(runProgram(place, [must('make a pipe', 'mknodat', here, path, 0o010600, 0)]));
  // USER may open it too.
  chmodSync(path, 0o666);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: openSync(path, constants.O_WRONLY) };
}

async function drain(reader: number, output: Writable): Promise<void> {
  const socket = new Socket({ fd: reader, readable: true, writable: false });
  for await (const chunk of socket) if (!output.write(chunk)) await once(output, 'drain');
}

async function spawned(
  command: string,
  given: readonly string[],
  onNote: (text: string) => void,
): Promise<{ readonly status: number | null; readonly error?: string }> {
  return await new Promise((resolve) => {
    const child = spawn(command, given, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (chunk: Buffer) => onNote(chunk.toString('utf8').trim()));
    child.once('error', (error) => resolve({ status: null, error: error.message }));
    child.once('close', (status) => resolve({ status }));
  });
}

/** Paths on which something is mounted and that the image does not have, the deepest first. */
export function stubsOf(layers: readonly UnpackedLayer[], targets: readonly string[]): readonly string[] {
  const stubs = new Set<string>();
  for (const target of targets) {
    for (const path of parentsOf(`/${mergedPath(layers, target)}`)) {
      const at = path.slice(1);
      if (mergedNode(layers, at) === undefined) stubs.add(at);
    }
  }
  return [...stubs].sort((a, b) => b.length - a.length);
}

/** Takes mount points away that are still as empty as they were made. */
export function removeStubs(upper: string, stubs: readonly string[]): void {
  for (const path of stubs) {
    const file = `${upper}/${path}`;
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats?.isFile() && stats.size === 0) rmSync(file);
    else if (stats?.isDirectory() && readdirSync(file).length === 0) rmdirSync(file);
  }
}

/** Writes the contents of changed files one after the other, and tells where each is and its digest. */
function writeContents(changes: readonly ChangedEntry[], contents: string): readonly JobEntry[] {
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  const output = openSync(contents, 'w', 0o600);
  let at = 0;
  try {
    return changes.map(({ entry, file }): JobEntry => {
      if (entry.type !== 'file') return entry;
      const hash = createHash('sha256');
      const start = at;
      const input = openSync(file, 'r');
      try {
        for (;;) {
          const size = readSync(input, buffer, 0, buffer.length, null);
          if (size === 0) break;
          const some = buffer.subarray(0, size);
          hash.update(some);
          for (let done = 0; done < size; ) done += writeSync(output, some, done, size - done);
          at += size;
        }
      } finally {
        closeSync(input);
      }
      return { ...entry, size: at - start, at: start, digest: `sha256:${hash.digest('hex')}` };
    });
  } finally {
    closeSync(output);
  }
}

/** @throws MabuildError `SANDBOX_FAILED` for a step that failed */
function check(failure: ReturnType<typeof runProgram>): void {
  if (failure === undefined) return;
  throw new MabuildError(`making a sandbox: could not ${failure.purpose} (error ${failure.errno})`, {
    code: 'SANDBOX_FAILED',
    hint: 'see `mabuild doctor`',
  });
}
