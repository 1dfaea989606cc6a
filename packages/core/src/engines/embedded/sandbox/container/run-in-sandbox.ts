import { mkdirSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { runProgram, writeProgram } from '../calls/batch.ts';
import { mountFlags, must } from '../calls/kernel.ts';
import { type ChangedEntry, overlayChanges } from '../files/changes.ts';
import { composeRoot, folderChanges, takeSnapshot } from '../files/compose.ts';
import { tellChanges } from '../files/contents.ts';
import { mergedPath } from '../files/merged.ts';
import { mountOf } from '../files/mount-files.ts';
import { copyRootOwner, ownFiles, removeStubs, stubsOf } from '../files/root-files.ts';
import { shelfPath } from '../shelf/layer-shelf.ts';
import { registerSteps } from './binfmt.ts';
import { type ContainerMount, type ContainerRoot, containerSteps } from './container.ts';
import { executed, outputPipes } from './execute.ts';
import { check, type SandboxRun } from './sandbox-run.ts';

const oneUserOnly =
  'this RUN had one user only, so that chown, su, USER and what changes users by itself fail (apt-get: add -o APT::Sandbox::User=root); if that is why it failed, list subordinate users in /etc/subuid and /etc/subgid, and install uidmap; or get proot, which pretends USER, with `mabuild emulator fetch proot`';

/** Executes a RUN, and tells its exit code and what it changed. */
export async function runInSandbox(context: SandboxRun): Promise<void> {
  const { job, run, layers, site, work } = context;
  const secret = makePrivate(context);
  const place = { ...site.place, directory: secret };
  mkdirSync(`${work}/mounts`);
  if (run.emulators.length > 0) check(runProgram(place, registerSteps(`${secret}/binfmt`, run.emulators)));
  const root = job.fileSystem === 'overlay' ? overlayRoot(context) : folderRoot(context);
  const given: ContainerMount[] = [];
  for (const [index, mount] of run.mounts.entries())
    given.push(await mountOf(mount, `${work}/mounts/${index}`, context));
  // Where the image's own links lead: what they lead to may have to be made.
  const placed = <T extends ContainerMount>(mount: T): T => ({
    ...mount,
    target: `/${mergedPath(layers, mount.target)}`,
  });
  const mounts = given.map(placed);
  const own = ownFiles(run.files, secret).map(placed);
  const targets = [...own, ...mounts].map(({ target }) => target);
  const stubs = stubsOf(layers, ['/proc', '/dev', '/sys', ...targets]);
  const steps = containerSteps({
    root: root.root,
    command: run.command,
    mounts: [...own, ...mounts],
    hostname: run.hostname,
    network: run.network,
    shmSize: run.shmSize,
    realRoot: job.kind === 'namespaces',
    singleUser: job.singleUser,
    procNames: new Set(readdirSync('/proc')),
  });
  if (!(await executed(writeProgram(place, steps), steps, context))) {
    // What the command says of it is seldom clear: "setgroups failed", "Invalid argument".
    if (job.singleUser && !run.discards) site.onNote(oneUserOnly);
    return;
  }
  if (run.discards) return;
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
      ...outputPipes(folder),
    ]),
  );
  return folder;
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
