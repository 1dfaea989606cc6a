import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Memory, Platform } from '@mabuild/oci';
import { expect } from 'chai';
import type { SandboxOptions } from '../../../../../../packages/core/src/engines/embedded/sandbox/choice/choose.ts';
import {
  createSandbox,
  type Sandbox,
} from '../../../../../../packages/core/src/engines/embedded/sandbox/sandbox.ts';
import type { SandboxRequest } from '../../../../../../packages/core/src/engines/embedded/sandbox/sandbox-request.ts';
import { debTree, hasDebs } from '../../../../../support/debs.ts';
import { rejection } from '../../../../../support/rejection.ts';
import {
  busyboxRoot,
  helperFolder,
  layerOf,
  removeFolder,
  sandboxOptions,
} from '../../../../../support/sandbox.ts';

interface Kept {
  readonly kind: string;
  readonly key: string;
  readonly value: unknown;
}

describe('what is remembered of sandboxes', function () {
  this.timeout(120_000);
  let root = '';
  let helper = '';
  let layer: SandboxRequest['layers'][number];
  let kept: Kept[] = [];
  const memory: Memory = {
    get: async (kind, key) => kept.find((item) => item.kind === kind && item.key === key)?.value,
    set: async (kind, key, value) => {
      kept = [...kept.filter((item) => item.kind !== kind || item.key !== key), { kind, key, value }];
    },
  };
  before(async function () {
    if (process.platform !== 'linux' || process.arch !== 'x64' || !(await hasDebs())) return this.skip();
    ({ folder: root, helper } = await helperFolder());
    layer = await layerOf(await busyboxRoot(await debTree('busybox-static', 'amd64')));
    // Each helper that starts is counted, and none starts in a user namespace that is called broken.
    const lines = [
      '#!/bin/sh',
      `echo started >> ${root}/started`,
      `grep -qsxF "$(readlink /proc/self/ns/user)" ${root}/fine || test ! -e ${root}/fine || exit 1`,
      `exec ${process.execPath} "$@"`,
    ];
    writeFileSync(join(root, 'counted'), `${lines.join('\n')}\n`, { mode: 0o755 });
  });
  after(async () => {
    if (root !== '') await removeFolder(root);
  });
  beforeEach(() => {
    kept = [];
    for (const name of ['fine', 'started']) rmSync(join(root, name), { force: true });
  });

  const host: Platform = { os: 'linux', architecture: 'amd64' };
  const open = (options: Partial<SandboxOptions> = {}): Sandbox =>
    createSandbox(
      sandboxOptions(helper, join(root, 'kept'), {
        ...{ helper: [join(root, 'counted'), helper], memory, ...options },
      }),
    );
  const starts = (): number => {
    const text = readFileSync(join(root, 'started'), { encoding: 'utf8', flag: 'a+' });
    rmSync(join(root, 'started'));
    return text.split('\n').length - 1;
  };
  const run = async (sandbox: Sandbox, command: string): Promise<{ result: unknown; notes: string[] }> => {
    const notes: string[] = [];
    const result = await sandbox.execute(
      {
        ...{ platform: host, layers: [layer], network: 'host', mounts: [] },
        command: {
          ...{ arguments: ['/bin/sh', '-c', command], environment: { PATH: '/bin' }, directory: '/' },
          user: { uid: 0, gid: 0, groups: [] },
        },
        temporaryDirectory: join(root, 'temporary'),
      },
      { onNote: (note) => notes.push(note) },
    );
    if (result.kind !== 'changed') return { result, notes };
    await result.release();
    return { result: result.entries.map(({ path }) => path), notes };
  };

  it('is not tried again', async () => {
    const emulation = await open().emulation(host);
    expect(emulation).to.deep.equal({ kind: 'native' });
    expect(starts()).to.be.greaterThan(0);
    expect(await open().emulation(host)).to.deep.equal(emulation);
    expect(starts()).to.equal(0);
    const { result } = await run(open(), 'echo made > /made');
    expect(result).to.deep.equal(['made']);
  });

  it('is found out again without a memory', async () => {
    await open().emulation(host);
    starts();
    await open({ memory: undefined }).emulation(host);
    expect(starts()).to.be.greaterThan(0);
  });

  const changes: readonly (readonly [string, () => Partial<SandboxOptions>])[] = [
    ['another place of the cache', () => ({ directory: join(root, 'other') })],
    ['other emulators', () => ({ emulators: [] })],
    ['another user name', () => ({ userName: 'somebody' })],
    ['another proot', () => ({ proot: [] })],
    ['other sandboxes to choose from', () => ({ only: [['user-namespace', 'overlay']] })],
    [
      'another helper',
      () => {
        const copy = join(root, 'copy.mjs');
        writeFileSync(copy, `${readFileSync(helper, 'utf8')}\n`);
        return { helper: [join(root, 'counted'), copy] };
      },
    ],
  ];
  for (const [title, change] of changes) {
    it(`is tried again with ${title}`, async () => {
      await open().emulation(host);
      starts();
      expect(await open(change()).emulation(host)).to.deep.equal({ kind: 'native' });
      expect(starts()).to.be.greaterThan(0);
    });
  }

  const damages: readonly (readonly [string, (value: Readonly<Record<string, unknown>>) => unknown])[] = [
    ['nothing', () => null],
    ['a number', () => 5],
    ['an empty object', () => ({})],
    ['a kind that is none', (value) => ({ ...value, kind: 'vacuum' })],
    ['proot', (value) => ({ ...value, kind: 'proot', fileSystem: 'copy' })],
    [
      'other users',
      (value) => ({ ...value, ids: { kind: 'single', users: [[0, 7, 1]], groups: [[0, 7, 1]] } }),
    ],
    ['no emulation', (value) => ({ ...value, emulation: { kind: 'none' } })],
    [
      'an emulator that has changed since',
      (value) => ({
        ...value,
        emulators: [{ architecture: 'arm64', file: '/bin/sh' }],
        marks: [[1, 1]],
      }),
    ],
    [
      'an emulator that is gone',
      (value) => ({
        ...value,
        emulators: [{ architecture: 'arm64', file: '/nowhere/qemu' }],
        marks: [[1, 1]],
      }),
    ],
  ];
  for (const [title, damage] of damages) {
    it(`is tried again where the memory says ${title}`, async () => {
      await open().emulation(host);
      starts();
      kept = kept.map((item) => ({
        ...item,
        value: damage(item.value as Readonly<Record<string, unknown>>),
      }));
      expect(await open().emulation(host)).to.deep.equal({ kind: 'native' });
      expect(starts()).to.be.greaterThan(0);
    });
  }

  it('is tried again when it works no more, and RUN is executed in what works now', async function () {
    if (process.getuid?.() !== 0) return this.skip();
    const only: SandboxOptions['only'] = [
      ['user-namespace', 'overlay'],
      ['namespaces', 'overlay'],
    ];
    const before = open({ only });
    if ((await before.choice()).chosen?.kind !== 'user-namespace') return this.skip();
    await before.emulation(host);
    writeFileSync(join(root, 'fine'), `${readlinkSync('/proc/self/ns/user')}\n`);
    const { result, notes } = await run(open({ only }), 'echo made > /made');
    expect(result).to.deep.equal(['made']);
    expect(notes.join('\n')).to.include('works no more');
    starts();
    const again = await run(open({ only }), 'echo more > /more');
    expect(again).to.deep.equal({ result: ['more'], notes: [] });
  });

  it('does not hide that a command fails', async () => {
    await open().emulation(host);
    const failed = await run(open(), 'echo once >> /once; exit 3');
    expect(failed.result).to.deep.include({ kind: 'exited', code: 3 });
    expect(failed.notes).to.deep.equal([]);
  });

  it('does not hide that nothing works any more', async () => {
    const only: SandboxOptions['only'] = [['user-namespace', 'overlay']];
    const before = open({ only });
    if ((await before.choice()).chosen === undefined) return;
    await before.emulation(host);
    writeFileSync(join(root, 'fine'), 'none\n');
    const error = await rejection(run(open({ only }), 'true'));
    expect(error).to.have.property('code', 'SANDBOX_UNAVAILABLE');
  });
});
