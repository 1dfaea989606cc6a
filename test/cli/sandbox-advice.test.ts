import { expect } from 'chai';
import { type SandboxFacts, sandboxAdvice } from '../../packages/cli/src/sdk/sandbox-advice.ts';

type Choice = Parameters<typeof sandboxAdvice>[0];

const facts: SandboxFacts = {
  uid: 1000,
  userName: 'ann',
  node: '/usr/bin/node',
  userNamespaces: 15_000,
  unprivilegedClone: undefined,
  appArmorRestricts: undefined,
  inContainer: false,
  hasSubordinates: true,
  hasUidmap: true,
  hasProot: false,
};

function choice(kind: string | undefined, fileSystem = 'overlay', singleUser = false): Choice {
  const tried = [{ kind: 'user-namespace', fileSystem: 'overlay', refused: 'no' }];
  if (kind === undefined)
    return { chosen: undefined, tried: [{ kind: 'proot', fileSystem: 'copy', refused: fileSystem }] };
  return { chosen: { kind, fileSystem, singleUser }, tried } as unknown as Choice;
}

interface Row {
  readonly name: string;
  readonly choice: Choice;
  readonly facts?: Partial<SandboxFacts>;
  /** A part of each sentence, in order. */
  readonly says: readonly (string | RegExp)[];
}

const rows: readonly Row[] = [
  { name: 'the best one', choice: choice('user-namespace'), says: [] },
  { name: 'root', choice: choice('namespaces'), facts: { uid: 0 }, says: [] },
  {
    name: 'none, namespaces switched off',
    choice: choice(undefined, 'there is no proot'),
    facts: { userNamespaces: 0 },
    says: ['`mabuild emulator fetch proot`', '`sudo sysctl user.max_user_namespaces=15000`'],
  },
  {
    name: 'none, a container that allows nothing',
    choice: choice(undefined, 'running a command with proot: it ended too early'),
    facts: { inContainer: true },
    says: ['`--cap-add SYS_PTRACE`', 'seccomp=unconfined'],
  },
  {
    name: 'proot, namespaces switched off in two ways',
    choice: choice('proot', 'copy', true),
    facts: { userNamespaces: 0, unprivilegedClone: 0 },
    says: ['user.max_user_namespaces=15000', 'kernel.unprivileged_userns_clone=1', 'chown changes nothing'],
  },
  {
    name: 'proot, Ubuntu',
    choice: choice('proot', 'copy', true),
    facts: { appArmorRestricts: 1 },
    says: [
      '`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`',
      /profile mabuild-node \/usr\/bin\/node flags=\(unconfined\)/,
      'incomplete',
    ],
  },
  {
    name: 'proot, Ubuntu that was told not to restrict',
    choice: choice('proot', 'copy', true),
    facts: { appArmorRestricts: 0 },
    says: ['`unshare --user true` shows how', 'incomplete'],
  },
  {
    name: 'proot, in a container',
    choice: choice('proot', 'copy', true),
    facts: { inContainer: true },
    says: ['seccomp=unconfined', 'incomplete'],
  },
  {
    name: 'a changed root, in a container',
    choice: choice('chroot', 'copy'),
    facts: { uid: 0, inContainer: true },
    says: ['`--privileged`', 'no /proc'],
  },
  {
    name: 'a changed root, elsewhere',
    choice: choice('chroot', 'copy'),
    facts: { uid: 0 },
    says: ['`unshare --mount true`', 'no /proc'],
  },
  {
    name: 'one user, nothing installed',
    choice: choice('user-namespace', 'overlay', true),
    facts: { hasSubordinates: false, hasUidmap: false },
    says: [
      'chown and USER do not work',
      '`mabuild emulator fetch proot`',
      'uidmap',
      'usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ann',
    ],
  },
  {
    name: 'one user, only listed',
    choice: choice('user-namespace', 'overlay', true),
    facts: { hasUidmap: false, hasProot: true },
    says: ['after USER it is executed with proot', 'the package uidmap'],
  },
  {
    name: 'a user namespace without overlayfs',
    choice: choice('user-namespace', 'copy'),
    says: ['MABUILD_CACHE'],
  },
];

describe('advice about sandboxes', () => {
  for (const row of rows) {
    it(row.name, () => {
      const advice = sandboxAdvice(row.choice, { ...facts, ...row.facts });
      expect(advice).to.have.lengthOf(row.says.length, advice.join('\n'));
      for (const [index, part] of row.says.entries())
        expect(advice[index]).to.match(
          typeof part === 'string' ? new RegExp(part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')) : part,
        );
    });
  }
});
