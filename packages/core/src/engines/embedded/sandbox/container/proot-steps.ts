import { dieWithParent, may, must } from '../calls/kernel.ts';
import { hideNewerCalls } from '../calls/newer-calls.ts';
import { ownSignals } from '../calls/own-signals.ts';
import type { Step } from '../calls/syscall-program.ts';
import type { ContainerCommand } from './container-command.ts';
import { enterDirectory, limits, start } from './container-command.ts';

/** Something of the machine that the command finds at a path. */
export interface ProotBind {
  /** A path from the folder that proot is started in, or an absolute one. */
  readonly from: string;
  /** Absolute; no link is followed on the way. */
  readonly to: string;
}

export interface ProotRequest {
  /** How proot is started. */
  readonly command: readonly string[];
  /** Of this machine. */
  readonly architecture: string;
  /** Folder that the other paths start at, so that what it is called does not matter. */
  readonly directory: string;
  readonly root: string;
  /** Folder for files of proot's own. */
  readonly temporary: string;
  /** Static qemu for programs of another architecture. */
  readonly emulator: string | undefined;
  readonly binds: readonly ProotBind[];
  /** The program that {@link insideSteps} make, as the command's root has it. */
  readonly inside: string;
  readonly user: ContainerCommand['user'];
}

const quit = 3;

/**
 * What a RUN's process does before it becomes proot.
 *
 * What proot watches goes on unwatched, among the machine's files, when proot is killed, so proot is told to quit instead
 * when what started it ends: it then ends them all.
 */
export function outsideSteps(request: ProotRequest): readonly Step[] {
  const { command, architecture, directory, root, temporary, emulator, binds, inside, user } = request;
  const [program = ''] = command;
  const given = [
    ...command,
    ...['-r', root, '-w', '/'],
    ...(user.uid === 0 && user.gid === 0 ? ['-0'] : ['-i', `${user.uid}:${user.gid}`]),
    ...(emulator === undefined ? [] : ['-q', emulator]),
    ...binds.flatMap(({ from, to }) => ['-b', `${from}:${to}!`]),
    inside,
  ];
  const environment = [
    'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    `PROOT_TMP_DIR=${temporary}`,
    // Its own filter lets calls through on newer kernels.
    'PROOT_NO_SECCOMP=1',
  ];
  return [
    dieWithParent(),
    { kind: 'fork' },
    must('be ended with its parent', 'prctl', 1, quit, 0, 0, 0),
    must('enter the cache', 'chdir', directory),
    ...hideNewerCalls(architecture),
    ...ownSignals(architecture),
    must(`start ${program}`, 'execve', program, { texts: given }, { texts: environment }),
  ];
}

/** Said before anything else: proot runs. */
export const greeting = '.';

/** What is done inside, first of all: it tells how the command ended, which proot does only when all that it started has. */
export function insideSteps(command: ContainerCommand): readonly Step[] {
  return [
    must('say that proot runs', 'write', 3, greeting, 1),
    { kind: 'fork', tells: true },
    must('hide a file descriptor', 'fcntl', 3, 2, 1),
    dieWithParent(),
    ...enterDirectory(command),
    may('setsid'),
    may('umask', 0o022),
    ...limits(command),
    ...start(command),
  ];
}
