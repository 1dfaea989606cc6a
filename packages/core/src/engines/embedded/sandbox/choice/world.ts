import { mkdir, readFile, readlink, stat } from 'node:fs/promises';
import { binfmtFingerprint } from '../../../../emulation/binfmt.ts';
import type { SandboxOptions } from './choose.ts';

/** What the kernel says of this process, and of what it allows to everybody. */
const texts = [
  '/proc/sys/kernel/random/boot_id',
  '/proc/sys/kernel/osrelease',
  '/proc/sys/kernel/unprivileged_userns_clone',
  '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
  '/proc/sys/user/max_user_namespaces',
  '/proc/sys/user/max_mnt_namespaces',
  '/proc/filesystems',
  '/proc/self/attr/current',
  '/proc/self/uid_map',
  '/proc/self/gid_map',
];

/**
 * A text that changes with what decides which sandbox works and what runs in it: the machine since its start, its table of
 * program formats, this process's rights and namespaces, the helper, where things lie.
 */
export async function worldFingerprint(options: SandboxOptions): Promise<string> {
  const { helper, directory, platform, uid, gid, userName, emulators, proot, only } = options;
  // Its file system counts, so it must be there.
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch(() => undefined);
  const status = await textOf('/proc/self/status');
  return JSON.stringify([
    ...[helper, directory, platform, uid, gid, userName, emulators, proot, only],
    ...(await Promise.all(helper.map(fileMark))),
    await stat(directory).then(
      ({ dev }) => dev,
      () => null,
    ),
    status.split('\n').filter((line) => /^(?:Cap|NoNewPrivs|Seccomp)/.test(line)),
    ...(await Promise.all(
      ['user', 'mnt', 'pid'].map((name) => readlink(`/proc/self/ns/${name}`).catch(() => null)),
    )),
    ...(await Promise.all(texts.map(textOf))),
    (await binfmtFingerprint()) ?? null,
  ]);
}

/** Changes with a file's content, as far as that can be told without reading it. */
export async function fileMark(file: string): Promise<readonly [size: number, changed: number] | null> {
  return await stat(file).then(
    ({ size, mtimeMs }) => [size, mtimeMs] as const,
    () => null,
  );
}

async function textOf(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch(() => '');
}
