import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { MabuildError } from '@mabuild/oci';
import { runBatch, writeProgram } from '../calls/batch.ts';
import { errnoName } from '../calls/errno.ts';
import { closeReportOnExec, dieWithParent, here, may, must } from '../calls/kernel.ts';
import { ownSignals } from '../calls/own-signals.ts';
import type { Step } from '../calls/syscall-program.ts';
import { composeRoot, folderChanges, takeSnapshot } from '../files/compose.ts';
import { tellChanges } from '../files/contents.ts';
import { mergedNode, mergedPath, type UnpackedLayer } from '../files/merged.ts';
import { isThere, rootOf } from '../files/mount-files.ts';
import { copyRootOwner, ownFiles, removeStubs, stubsOf } from '../files/root-files.ts';
import type { JobMount } from '../helper/job.ts';
import { serveAgent } from './agent-socket.ts';
import { becomeUser, limits, start } from './container-command.ts';
import { endStarted } from './end-processes.ts';
import { executed } from './execute.ts';
import { markSteps, newMark, noteMark } from './process-mark.ts';
import type { SandboxRun } from './sandbox-run.ts';

/** Linux, `Documentation/admin-guide/devices.txt`. */
const devices: Readonly<Record<string, number>> = {
  null: 0x103,
  zero: 0x105,
  full: 0x107,
  random: 0x108,
  urandom: 0x109,
  tty: 0x500,
};
/** What would lead out of a changed root, or to the machine's disks: CAP_SYS_CHROOT, CAP_MKNOD. */
const dangerous = [18, 27];

/**
 * Executes a RUN in a changed root, where the kernel allows root neither namespaces nor mounts: what is mounted elsewhere
 * is put in its place here and taken away afterwards. There is no /proc.
 */
export async function runInChroot(context: SandboxRun): Promise<void> {
  const { run, layers, site, work } = context;
  if (run.network === 'none') throw lacking('RUN --network=none');
  const root = `${work}/root`;
  const secret = `${work}/private`;
  for (const folder of [root, secret, `${work}/mounts`, `${work}/saved`]) mkdirSync(folder, { mode: 0o700 });
  copyRootOwner(layers, root);
  composeRoot(layers, root, site.place);
  const before = takeSnapshot(root);
  const places = new Places(root, `${work}/saved`);
  const own = ownFiles(run.files, secret);
  const stubs = stubsOf(
    [places.layer],
    ['/dev', ...own.map(({ target }) => target), ...run.mounts.map(({ target }) => target)],
  );
  for (const file of own) places.put(file.target, (path) => cpSync(`${file.root}/${file.path}`, path));
  for (const [index, mount] of run.mounts.entries())
    await putMount(mount, `${work}/mounts/${index}`, places, context);
  putDevices(places, context);
  // Without /proc a command finds its streams nowhere else.
  for (const name of ['stdout', 'stderr']) {
    const pipe = `${secret}/${name}`;
    runBatch(site.place, [{ name: 'mknodat', arguments: [here, pipe, 0o010600, 0] }]);
    places.put(`/dev/${name}`, (path) => linkSync(pipe, path));
  }
  if (run.shmSize !== undefined) site.onNote('the size of /dev/shm is not limited without namespaces');
  places.put('/dev/shm', makeOpenFolder);
  const mark = newMark();
  noteMark(work, mark);
  const steps = chrootSteps(root, mark, context);
  let ended: boolean;
  try {
    const program = writeProgram({ ...site.place, directory: secret }, steps);
    ended = await executed(program, steps, context, () => endStarted(site.place));
  } finally {
    endStarted(site.place);
    places.restore();
  }
  if (!ended) {
    // What the command says of it is seldom clear: "Cannot find /proc", "no such file", a wrong number of processors.
    site.onNote(
      `${run.discards ? 'the program' : 'this RUN'} had no /proc and no processes, network or mounts of its own, as this machine lets its root have no namespaces; if that is why it failed, start the container that mabuild runs in with --security-opt seccomp=unconfined --security-opt apparmor=unconfined --cap-add SYS_ADMIN, or build where user namespaces are allowed`,
    );
    return;
  }
  if (run.discards) return;
  removeStubs(root, stubs);
  tellChanges(folderChanges(root, before, site.place, places.paths), context);
}

function chrootSteps(root: string, mark: bigint, { run, job }: SandboxRun): readonly Step[] {
  return [
    closeReportOnExec(),
    dieWithParent(),
    must('enter the root', 'chdir', root),
    must('change the root', 'chroot', '.'),
    must('enter the new root', 'chdir', '/'),
    { kind: 'fork' },
    dieWithParent(),
    may('setsid'),
    ...dangerous.map((number) => may('prctl', 24, number, 0, 0, 0)),
    ...limits(run.command),
    ...markSteps(mark, run.command),
    ...ownSignals(job.architecture),
    ...becomeUser(run.command),
    ...start(run.command),
  ];
}

/** Things that are put into the root for a while. */
class Places {
  /** They are no part of what the command changed. */
  readonly paths = new Set<string>();
  readonly layer: UnpackedLayer;
  readonly #saved: string;
  readonly #undo: (() => void)[] = [];

  constructor(root: string, saved: string) {
    this.layer = { root, opaque: new Set() };
    this.#saved = saved;
  }

  /** @param make makes the thing at a path that is free @param leave takes it away again */
  put(
    target: string,
    make: (path: string) => void,
    leave: (path: string) => void = (path) => rmSync(path, { recursive: true, force: true }),
  ): void {
    const at = mergedPath([this.layer], target);
    const path = `${this.layer.root}/${at}`;
    mkdirSync(dirname(path), { recursive: true });
    const saved = `${this.#saved}/${this.#undo.length}`;
    const there = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    if (there) renameSync(path, saved);
    this.paths.add(at);
    this.#undo.push(() => {
      // The command may have put something else on the way there.
      if (mergedPath([this.layer], at) !== at) return;
      leave(path);
      if (there) renameSync(saved, path);
    });
    make(path);
  }

  restore(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }
}

async function putMount(mount: JobMount, folder: string, places: Places, context: SandboxRun): Promise<void> {
  switch (mount.kind) {
    case 'tmpfs':
      places.put(mount.target, makeOpenFolder);
      return;
    case 'secret':
      places.put(mount.target, (path) => {
        writeFileSync(path, Buffer.from(mount.content, 'base64'), { mode: 0o600 });
        chownSync(path, mount.uid, mount.gid);
        chmodSync(path, mount.mode);
      });
      return;
    case 'ssh': {
      let made: Promise<void> | undefined;
      places.put(mount.target, (path) => {
        made = serveAgent(mount, path, context.site.onNote);
      });
      await made;
      return;
    }
    case 'bind': {
      const { root, layers } = await rootOf(mount.from, mount.readOnly, folder, context);
      const at = mergedPath(layers, mount.path);
      if (mergedNode(layers, at) === undefined) throw new Error(`there is no /${mount.path}`);
      places.put(mount.target, (path) => copyTree(`${root}/${at}`, path));
      return;
    }
    default: {
      const cache = `${context.job.directory}/caches/${mount.name}`;
      if (!isThere(cache)) {
        const made = `${folder}-cache`;
        if (mount.from === undefined) {
          mkdirSync(made);
          chownSync(made, mount.uid, mount.gid);
          chmodSync(made, mount.mode);
        } else {
          const { root, layers } = await rootOf(mount.from, true, folder, context);
          copyTree(`${root}/${mergedPath(layers, mount.path)}`, made);
        }
        // It is there whole or not at all.
        renameSync(made, cache);
      } else if (mount.from === 'tar') {
        // It comes before those of the other mounts.
        context.frames.next();
      }
      places.put(
        mount.target,
        (path) => renameSync(cache, path),
        (path) => {
          // Another RUN may have made its own meanwhile; the first one stays. And the command may have deleted this one.
          if (isThere(cache) || !isThere(path)) rmSync(path, { recursive: true, force: true });
          else renameSync(path, cache);
        },
      );
    }
  }
}

function makeOpenFolder(path: string): void {
  mkdirSync(path);
  chmodSync(path, 0o1777);
}

function copyTree(from: string, to: string): void {
  execFileSync('cp', ['-a', '--reflink=auto', '-T', from, to], { stdio: 'ignore' });
}

function putDevices(places: Places, { site }: SandboxRun): void {
  for (const [name, number] of Object.entries(devices)) {
    if (mergedNode([places.layer], mergedPath([places.layer], `/dev/${name}`))?.stats.isCharacterDevice())
      continue;
    places.put(`/dev/${name}`, (path) => {
      const [result = 0] = runBatch(site.place, [
        { name: 'mknodat', arguments: [here, path, 0o020666, number] },
      ]);
      if (result < 0) site.onNote(`/dev/${name} was left out (${errnoName(-result)})`);
      else chmodSync(path, 0o666);
    });
  }
}

function lacking(what: string): MabuildError {
  return new MabuildError(`${what} needs namespaces, which this machine does not allow`, {
    code: 'SANDBOX_UNAVAILABLE',
    hint: 'see `mabuild doctor`; build where user namespaces are allowed',
  });
}
