import { readFile } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { ProotPlace, SandboxChoice } from '@mabuild/core';
import { isThere } from './is-there.ts';
import type { User } from './user.ts';

/** What of a machine decides which sandbox it allows. */
export interface SandboxFacts {
  readonly uid: number;
  readonly userName: string;
  /** The program that needs namespaces. */
  readonly node: string;
  /** `user.max_user_namespaces`. */
  readonly userNamespaces: number | undefined;
  /** `kernel.unprivileged_userns_clone`, which Debian's kernels have. */
  readonly unprivilegedClone: number | undefined;
  /** `kernel.apparmor_restrict_unprivileged_userns`, which Ubuntu's kernels have. */
  readonly appArmorRestricts: number | undefined;
  readonly inContainer: boolean;
  /** /etc/subuid and /etc/subgid list this user. */
  readonly hasSubordinates: boolean;
  /** newuidmap and newgidmap are in PATH. */
  readonly hasUidmap: boolean;
  /** A proot is where the sandbox looks for one. */
  readonly hasProot: boolean;
}

/** What would allow a better sandbox than the one that was chosen, and what that one lacks; a sentence each. */
export function sandboxAdvice({ chosen, tried }: SandboxChoice, facts: SandboxFacts): readonly string[] {
  const advice: string[] = [];
  const [{ hint } = {}] = tried;
  // It is not the kernel that refuses.
  if (chosen === undefined && hint !== undefined) return [hint];
  if (chosen === undefined) {
    const proot = tried.find(({ kind }) => kind === 'proot');
    advice.push(
      proot === undefined || proot.refused === 'there is no proot'
        ? 'get a sandbox that needs little of the kernel: `mabuild emulator fetch proot`'
        : 'proot needs the system call ptrace: in a container, `--cap-add SYS_PTRACE` or another seccomp profile allows it',
    );
  }
  if (chosen === undefined || chosen.kind === 'chroot' || chosen.kind === 'proot')
    advice.push(...(facts.uid === 0 ? rootAdvice(facts) : userAdvice(facts)));
  if (chosen?.kind === 'user-namespace' && chosen.singleUser) advice.push(...usersAdvice(facts));
  if (chosen?.kind === 'chroot')
    advice.push('RUN has no /proc and no --network=none where namespaces are not allowed');
  if (chosen?.kind === 'proot') {
    advice.push(
      'RUN is executed with proot, which is slow and incomplete: chown changes nothing, new files belong to the user of the RUN, there is no --network=none, and this user’s other files and processes are not kept from it',
    );
  }
  const overlay = tried.find(({ kind, fileSystem }) => kind === chosen?.kind && fileSystem === 'overlay');
  if (chosen?.fileSystem === 'copy' && overlay !== undefined) {
    advice.push(
      'RUN copies its root each time, as overlayfs was refused: keep the cache on a local file system with extended attributes, e.g. ext4 (set MABUILD_CACHE)',
    );
  }
  return advice;
}

function userAdvice(facts: SandboxFacts): readonly string[] {
  const advice: string[] = [];
  if (facts.userNamespaces === 0)
    advice.push(
      'user namespaces are switched off: `sudo sysctl user.max_user_namespaces=15000` allows a better sandbox',
    );
  if (facts.unprivilegedClone === 0)
    advice.push(
      'only root may make user namespaces: `sudo sysctl kernel.unprivileged_userns_clone=1` allows a better sandbox',
    );
  if (facts.appArmorRestricts === 1) {
    advice.push(
      'AppArmor keeps user namespaces from programs without a profile: `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` allows a better sandbox',
      `or give Node a profile: \`printf 'abi <abi/4.0>,\\nprofile mabuild-node ${facts.node} flags=(unconfined) {\\n  userns,\\n}\\n' | sudo tee /etc/apparmor.d/mabuild-node && sudo apparmor_parser -r /etc/apparmor.d/mabuild-node\``,
    );
  }
  if (facts.inContainer && advice.length === 0)
    advice.push(
      'this container allows no namespaces: start it with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined` for a better sandbox, or as root',
    );
  if (advice.length === 0)
    advice.push('something keeps user namespaces from this user: `unshare --user true` shows how');
  return advice;
}

function rootAdvice({ inContainer }: SandboxFacts): readonly string[] {
  return [
    inContainer
      ? 'this container allows no namespaces: start it with `--privileged`, or with `--cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined`, for a better sandbox'
      : 'root may not make namespaces here: `unshare --mount true` shows why',
  ];
}

function usersAdvice({ hasSubordinates, hasUidmap, hasProot, userName }: SandboxFacts): readonly string[] {
  const advice = hasProot
    ? ['RUN knows one user only, so that chown does not work, and after USER it is executed with proot']
    : [
        'RUN knows one user only, so that chown and USER do not work',
        'for USER, not for chown, proot is enough, which pretends it: `mabuild emulator fetch proot`',
      ];
  if (!hasUidmap) advice.push('for more users install newuidmap: the package uidmap, or shadow-utils');
  if (!hasSubordinates)
    advice.push(
      `for more users list some for this one: \`sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${userName}\``,
    );
  return advice;
}

/** Reads what {@link sandboxAdvice} goes by; `proots` is where the sandbox looks for one. */
export async function sandboxFacts(
  variables: Readonly<Record<string, string | undefined>>,
  { uid, name: userName }: Pick<User, 'uid' | 'name'>,
  proots: readonly ProotPlace[],
): Promise<SandboxFacts> {
  const number = async (name: string): Promise<number | undefined> => {
    const text = await readFile(`/proc/sys/${name}`, 'utf8').catch(() => '');
    return /^\d+\s*$/.test(text) ? Number(text) : undefined;
  };
  const lists = async (file: string): Promise<boolean> => {
    const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
    return lines.some((line) => line.startsWith(`${userName}:`) || line.startsWith(`${uid}:`));
  };
  const folders = (variables.PATH ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  const inPath = async (name: string): Promise<boolean> =>
    (await Promise.all(folders.map((folder) => isThere(join(folder, name))))).includes(true);
  const marks = await Promise.all(['/.dockerenv', '/run/.containerenv'].map(isThere));
  return {
    ...{ uid, userName, node: process.execPath },
    userNamespaces: await number('user/max_user_namespaces'),
    unprivilegedClone: await number('kernel/unprivileged_userns_clone'),
    appArmorRestricts: await number('kernel/apparmor_restrict_unprivileged_userns'),
    inContainer: marks.includes(true) || variables.KUBERNETES_SERVICE_HOST !== undefined,
    hasSubordinates: (await lists('/etc/subuid')) && (await lists('/etc/subgid')),
    hasProot: (await Promise.all(proots.map(({ file }) => isThere(file)))).includes(true),
    hasUidmap: (await inPath('newuidmap')) && (await inPath('newgidmap')),
  };
}
