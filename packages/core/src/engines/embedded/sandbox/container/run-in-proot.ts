import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, relative } from 'node:path';
import { MabuildError } from '@mabuild/oci';
import { writeProgram } from '../calls/batch.ts';
import { syscallProgram } from '../calls/syscall-program.ts';
import { tellChanges } from '../files/contents.ts';
import { mergedPath, type UnpackedLayer } from '../files/merged.ts';
import { mountOf } from '../files/mount-files.ts';
import { ownFiles, removeStubs, stubsOf } from '../files/root-files.ts';
import type { JobMount } from '../helper/job.ts';
import { executeProot } from './execute-proot.ts';
import { prootRoot } from './proot-root.ts';
import { insideSteps, outsideSteps, type ProotBind } from './proot-steps.ts';
import type { SandboxRun } from './sandbox-run.ts';

const devices = ['null', 'zero', 'full', 'random', 'urandom', 'tty', 'ptmx', 'pts'];
/** Where proot shows the machine's root to programs of another architecture; it gets nothing but their emulator. */
const machineRoot = '/host-rootfs';
/** Linux: `sun_path` of unix(7) without its end. */
const longestSocketPath = 107;

/**
 * Executes a RUN with proot, as an ordinary user where the kernel allows no namespaces: it changes the paths of the
 * command's system calls, so that they lead into the root, and says that it is root. What the command may do to this user's
 * own processes, it may do.
 */
export async function runInProot(context: SandboxRun): Promise<void> {
  const { job, run, work } = context;
  if (run.network === 'none') throw lacking('RUN --network=none needs');
  const secret = `${work}/private`;
  for (const folder of [secret, `${work}/mounts`]) mkdirSync(folder, { mode: 0o700 });
  if (run.shmSize !== undefined)
    context.site.onNote('the size of /dev/shm is not limited without namespaces');
  const { root, changes } = prootRoot(context);
  const layer: UnpackedLayer = { root, opaque: new Set() };
  const wanted: ProotBind[] = [
    { from: '/proc', to: '/proc' },
    { from: '/sys', to: '/sys' },
    ...makeDev(`${secret}/dev`),
    ...ownFiles(run.files, secret).map(({ path, target }) => ({ from: `${secret}/${path}`, to: target })),
  ];
  const [emulator] = run.emulators.map(({ file }) => realpathSync(file));
  if (emulator !== undefined) wanted.push(showOnly(emulator, `${secret}/machine`));
  for (const [index, mount] of run.mounts.entries())
    wanted.push(await bindOf(mount, `${work}/mounts/${index}`, context));
  const stubs = stubsOf(
    [layer],
    wanted.map(({ to }) => to),
  );
  const binds = wanted.map(({ from, to }) => {
    if (to.includes(':')) throw lacking(`a mount at ${to}, which has a colon in its name, needs`);
    return {
      from: from.startsWith(`${job.directory}/`) ? relative(work, from) : from,
      to: `/${mergedPath([layer], to)}`,
    };
  });
  const inside = insideSteps(run.command);
  writeFileSync(`${secret}/dev/.inside`, syscallProgram(job.architecture, inside), { mode: 0o700 });
  const outside = outsideSteps({
    ...{ command: job.proot, architecture: job.architecture, directory: work, root: 'root' },
    ...{ temporary: secret, emulator, binds, inside: '/dev/.inside' },
    user: run.command.user,
  });
  const program = writeProgram({ ...context.site.place, directory: secret }, outside);
  if (!(await executeProot(program, { outside, inside }, context))) return;
  if (run.discards) return;
  removeStubs(root, stubs);
  tellChanges(changes(run.command.user), context);
}

/** Devices of the machine in a folder of their own. */
function makeDev(folder: string): readonly ProotBind[] {
  mkdirSync(folder);
  const links = { fd: '', stdin: '/0', stdout: '/1', stderr: '/2' };
  for (const [name, end] of Object.entries(links)) symlinkSync(`/proc/self/fd${end}`, `${folder}/${name}`);
  for (const name of ['shm', 'mqueue', 'pts']) makeOpenFolder(`${folder}/${name}`);
  const there = devices.filter((name) => existsSync(`/dev/${name}`));
  for (const name of there) if (name !== 'pts') writeFileSync(`${folder}/${name}`, '');
  return [
    { from: folder, to: '/dev' },
    ...there.map((name) => ({ from: `/dev/${name}`, to: `/dev/${name}` })),
  ];
}

/** A machine that has nothing but one file. */
function showOnly(file: string, folder: string): ProotBind {
  mkdirSync(dirname(`${folder}${file}`), { recursive: true });
  copyFileSync(file, `${folder}${file}`);
  return { from: folder, to: machineRoot };
}

async function bindOf(mount: JobMount, folder: string, context: SandboxRun): Promise<ProotBind> {
  const { target } = mount;
  if (mount.kind === 'tmpfs') {
    makeOpenFolder(folder);
    return { from: folder, to: target };
  }
  // proot puts this path into the command's own calls, which have no room for a longer one.
  if (mount.kind === 'ssh' && Buffer.byteLength(`${context.work}/private/agent-00`) > longestSocketPath)
    throw new MabuildError(
      'RUN --mount=type=ssh: the path of the cache is too long for an agent with proot',
      {
        code: 'SANDBOX_UNAVAILABLE',
        hint: 'set MABUILD_CACHE to a shorter path',
      },
    );
  // Everything is this user's own.
  const { uid, gid } = statSync(context.work);
  const owned = 'uid' in mount ? { ...mount, uid, gid } : mount;
  const made = await mountOf(owned, folder, context);
  if (made.kind !== 'tree') throw new TypeError(`a ${made.kind} is no folder`);
  return { from: made.path === '' ? made.root : `${made.root}/${made.path}`, to: target };
}

function makeOpenFolder(path: string): void {
  mkdirSync(path);
  chmodSync(path, 0o1777);
}

function lacking(what: string): MabuildError {
  return new MabuildError(`${what} namespaces, and RUN is executed with proot, as this machine allows none`, {
    code: 'SANDBOX_UNAVAILABLE',
    hint: '`mabuild doctor` says what would allow namespaces',
  });
}
