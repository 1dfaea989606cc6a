import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { SandboxOptions } from '../../packages/core/src/engines/embedded/sandbox/choice/choose.ts';
import { bundled } from './sandbox.ts';
import type { DriverAnswer, DriverJob } from './sandbox-messages.ts';

/** Who starts the sandboxes of a test. */
export type SandboxUser =
  | 'this user'
  | 'nobody, with subordinate users'
  | 'nobody, alone'
  | 'this user, copying'
  | 'this user, in a changed root'
  | 'nobody, without namespaces';

const only: Partial<Record<SandboxUser, SandboxOptions['only']>> = {
  'this user, copying': [['namespaces', 'copy']],
  'this user, in a changed root': [['chroot', 'copy']],
};
/** In a user namespace of all users, in which nobody makes another. */
const withoutNamespaces = [
  ...['sh', '-ec'],
  `p=$$; (
    until [ "$(readlink /proc/$p/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do :; done
    for kind in uid gid; do echo '0 0 4294967295' >/proc/$p/\${kind}_map; done
  ) & exec unshare --user --mount --propagation private sh -ec '
    until read some </proc/self/gid_map; do :; done
    exec sh -ec "$0" sh "$@"' "$0" "$@"`,
  // Root of the new namespace only since the maps are there, and a program was started after that.
  `echo 0 >/proc/sys/user/max_user_namespaces
  exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all "$@"`,
];
/** What root may do in a container that was given no more. */
const asInContainer = [
  ...['setpriv', '--bounding-set'],
  [
    '-all',
    ...['chown', 'dac_override', 'fowner', 'fsetid', 'kill', 'setgid', 'setuid', 'setpcap'],
    ...['net_bind_service', 'net_raw', 'sys_chroot', 'mknod', 'audit_write', 'setfcap'],
  ].join(',+'),
];
const nobody = 65534;
const subordinates = 'nobody:2000000:65536\n';

/** What a user's sandboxes are chosen from, where it is not all. */
export function onlyFor(user: SandboxUser): SandboxOptions['only'] {
  return only[user];
}

/** Which of them can be tried here: only root can become somebody else. */
export function sandboxUsers(): readonly SandboxUser[] {
  if (process.getuid?.() !== 0) return ['this user'];
  try {
    execFileSync('unshare', ['--mount', 'setpriv', '--reuid', String(nobody), 'newuidmap'], {
      stdio: 'ignore',
    });
  } catch (error) {
    // Without arguments newuidmap only tells how it is used; 127 is setpriv not finding it.
    if ((error as { status?: number }).status !== 1) return ['this user'];
  }
  return [
    ...(['this user', 'nobody, with subordinate users', 'nobody, alone'] as const),
    ...(['this user, copying', 'this user, in a changed root'] as const),
    'nobody, without namespaces',
  ];
}

export interface UserDriver {
  /** A folder of that user. */
  folder(user: SandboxUser): string;
  start(user: SandboxUser, job: Omit<DriverJob, 'helper' | 'directory'>): ReturnType<typeof spawn>;
  run(user: SandboxUser, job: Omit<DriverJob, 'helper' | 'directory'>): Promise<DriverAnswer>;
}

/** Starts programs as several users, whose lists of subordinate users are seen by nobody else. */
export interface UserCommand {
  /** A folder of that user. */
  folder(user: SandboxUser): string;
  command(user: SandboxUser, command: readonly string[]): readonly string[];
}

export async function userCommand(root: string): Promise<UserCommand> {
  for (const [name, content] of [
    ['many', subordinates],
    ['none', ''],
  ] as const)
    writeFileSync(join(root, `subid-${name}`), content, { mode: 0o644 });
  return {
    folder(user) {
      // Sockets have short paths only.
      const path = join(root, user.replaceAll(/\W+/g, '-').slice(0, 12));
      mkdirSync(path, { recursive: true });
      chmodSync(path, 0o755);
      if (user.startsWith('nobody')) chownSync(path, nobody, nobody);
      return path;
    },
    command(user, command) {
      if (user === 'this user, in a changed root') return [...asInContainer, ...command];
      if (!user.startsWith('nobody')) return command;
      if (user === 'nobody, without namespaces') return [...withoutNamespaces, ...command];
      const list = join(root, user === 'nobody, alone' ? 'subid-none' : 'subid-many');
      return [
        ...['unshare', '--mount', '--propagation', 'private', 'sh', '-ec'],
        'mount --bind "$0" /etc/subuid; mount --bind "$0" /etc/subgid; exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"',
        ...[list, ...command],
      ];
    },
  };
}

/** Starts sandboxes as several users. @param around starts each of them */
export async function userDriver(
  root: string,
  helper: string,
  around: readonly string[] = [],
): Promise<UserDriver> {
  const driver = await bundled('test/support/sandbox-driver.ts', root);
  const { folder, command: as } = await userCommand(root);
  const start: UserDriver['start'] = (user, job) => {
    const [command = '', ...given] = [...around, ...as(user, [process.execPath, driver])];
    const child = spawn(command, given, { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/' });
    child.stdin?.end(
      JSON.stringify({
        ...job,
        options: { ...job.options, only: only[user] },
        helper,
        directory: join(folder(user), 'cache'),
      } satisfies DriverJob),
    );
    return child;
  };
  return {
    folder,
    start,
    async run(user, job) {
      const child = start(user, job);
      const [output, errors] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
      if (output === '') throw new Error(`the driver said: ${errors}`);
      return JSON.parse(output) as DriverAnswer;
    },
  };
}
