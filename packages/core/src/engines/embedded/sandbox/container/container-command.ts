import { dieWithParent, here, may, must } from '../calls/kernel.ts';
import type { Step } from '../calls/syscall-program.ts';
import { parentsOf } from '../files/parents-of.ts';

/** Who a command runs as; numbers only, as the image's own files say. */
export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

/** The command of a RUN. */
export interface ContainerCommand {
  readonly arguments: readonly string[];
  /** Everything that it gets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Absolute. */
  readonly directory: string;
  /** The directory is made where there is none. */
  readonly makesDirectory?: boolean | undefined;
  readonly user: ContainerUser;
  /** Pipe that is its standard input. @default it has none */
  readonly input?: string | undefined;
  /** Limits of the process: name and number of the resource, soft and hard limit; -1 is none. */
  readonly limits?:
    | readonly (readonly [name: string, number: number, soft: number, hard: number])[]
    | undefined;
}

/** Capabilities that a container's root has: Docker's and BuildKit's default. */
const capabilities: ReadonlySet<number> = new Set([0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31]);
const lastCapability = 40;

/** Sets the limits of the process. */
export function limits({ limits: wanted = [] }: ContainerCommand): readonly Step[] {
  return wanted.map(([name, number, soft, hard]) =>
    must(
      `set the limit ${name} to ${soft}:${hard}`,
      'prlimit64',
      0,
      number,
      new Uint8Array(BigInt64Array.of(BigInt(soft), BigInt(hard)).buffer),
      0,
    ),
  );
}

/** Goes to where the command starts. */
export function enterDirectory({ directory, makesDirectory }: ContainerCommand): readonly Step[] {
  const made = makesDirectory === true ? parentsOf(directory) : [];
  return [
    ...made.map((path) => may('mkdirat', here, path, 0o755)),
    must(`enter ${directory}`, 'chdir', directory),
  ];
}

/** Gives up what a container's user does not have. */
export function becomeUser(command: ContainerCommand): readonly Step[] {
  const { user } = command;
  const dropped = Array.from({ length: lastCapability + 1 }, (_, number) => number).filter(
    (number) => !capabilities.has(number),
  );
  const groups = new Uint8Array(Uint32Array.from(user.groups).buffer);
  const ids = `run as user ${user.uid}:${user.gid}`;
  return [
    ...enterDirectory(command),
    ...dropped.map((number) => may('prctl', 24, number, 0, 0, 0)),
    // A namespace of one user allows no groups, and its root needs none.
    user.uid === 0
      ? may('setgroups', user.groups.length, groups)
      : must(ids, 'setgroups', user.groups.length, groups),
    must(ids, 'setresgid', user.gid, user.gid, user.gid),
    must(ids, 'setresuid', user.uid, user.uid, user.uid),
    dieWithParent(),
    may('umask', 0o022),
  ];
}

/** Starts the command, looking for it as `execvp` does. */
export function start({ arguments: given, environment }: ContainerCommand): readonly Step[] {
  const [program = ''] = given;
  const path = environment.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const files = program.includes('/')
    ? [program]
    : path.split(':').map((folder) => (folder === '' ? `./${program}` : `${folder}/${program}`));
  const texts = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const execute = (
    file: string,
  ): readonly [string, { texts: readonly string[] }, { texts: readonly string[] }] => [
    file,
    { texts: given },
    { texts },
  ];
  return [
    // What this process was started with by others may be written to: with CLOSE_RANGE_CLOEXEC.
    may('close_range', 3, 0xffffffff, 4),
    // Keys of whoever builds: KEYCTL_JOIN_SESSION_KEYRING.
    may('keyctl', 1, 0),
    ...files.slice(0, -1).map((file) => may('execve', ...execute(file))),
    must(`start ${program}`, 'execve', ...execute(files.at(-1) ?? program)),
  ];
}
