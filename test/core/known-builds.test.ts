import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openMemory } from '@mabuild/core';
import { parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import type { ResolvedBase } from '../../packages/core/src/bases/resolve-bases.ts';
import { openFolderContext } from '../../packages/core/src/context/folder-context.ts';
import type { Engine, EngineBuild } from '../../packages/core/src/engines/engine.ts';
import { openKnownBuilds } from '../../packages/core/src/known-builds.ts';
import type { PlannedTask } from '../../packages/core/src/plan/plan-request.ts';
import { isRepeatable } from '../../packages/core/src/plan/repeatable.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

const platform = parsePlatform('linux/arm64');
const pinned = `busybox@sha256:${'a'.repeat(64)}`;
const build: EngineBuild = {
  builder: 'buildkit',
  platform,
  dockerfile: `FROM ${pinned}\n`,
  addedFiles: [],
  buildArgs: { A: '1' },
  labels: {},
  noCache: false,
  pull: false,
  network: 'default',
  bases: [],
};

describe('known builds', () => {
  let workspace: Workspace;
  let directory: string;
  let isThere: boolean;
  const past = new Date('2020-01-01T00:00:00Z');

  /** A new process: nothing but the memory is left of the one before. */
  async function open(keyed = true): Promise<ReturnType<typeof openKnownBuilds>> {
    const { key, ...context } = await openFolderContext(directory);
    const engine = { inspect: async (id: string) => (isThere ? { id, platform } : undefined) };
    return openKnownBuilds(
      keyed && key !== undefined ? { ...context, key } : context,
      engine as unknown as Engine,
      openMemory(join(workspace.cache, 'memory')),
    );
  }

  const planned = (more: Partial<EngineBuild> = {}, repeatable = true): PlannedTask =>
    ({ build: { ...build, ...more }, repeatable }) as unknown as PlannedTask;

  beforeEach(async () => {
    workspace = await makeWorkspace();
    isThere = true;
    directory = await workspace.context({ 'a.txt': 'one', 'b.txt': 'two' });
    for (const name of ['a.txt', 'b.txt']) await utimes(join(directory, name), past, past);
  });
  afterEach(() => workspace.remove());

  async function remember(task = planned()): Promise<void> {
    const known = await open();
    expect(await known.find(task)).to.equal(undefined);
    await known.remember(task, { id: 'sha256:full', platform });
  }

  it('are found when nothing has changed', async () => {
    await remember();
    expect((await (await open()).find(planned()))?.id).to.equal('sha256:full');
  });

  const other: readonly [string, Partial<EngineBuild>][] = [
    ['another Dockerfile', { dockerfile: `FROM ${pinned}\nRUN true\n` }],
    ['another platform', { platform: parsePlatform('linux/arm/v7') }],
    ['another build argument', { buildArgs: { A: '2' } }],
    ['a label', { labels: { a: 'b' } }],
    ['another target', { target: 'b' }],
    ['another network', { network: 'none' }],
    ['an added file', { addedFiles: [{ path: 'x', mode: 0o644, from: { content: 'y' } }] }],
    ['--no-cache', { noCache: true }],
    ['--pull', { pull: true }],
    ['the classic builder, which reads every file', { builder: 'classic' }],
    ['an emulator of this machine', { addedFiles: [{ path: 'q', mode: 0o755, from: { file: '/bin/sh' } }] }],
  ];
  for (const [what, more] of other)
    it(`are not found for ${what}`, async () => {
      await remember();
      expect(await (await open()).find(planned(more))).to.equal(undefined);
    });

  for (const fresh of [{ noCache: true }, { pull: true }])
    it(`are replaced by what ${Object.keys(fresh)} gave`, async () => {
      await remember();
      const known = await open();
      expect(await known.find(planned(fresh))).to.equal(undefined);
      await known.remember(planned(fresh), { id: 'sha256:fresh', platform });
      expect((await (await open()).find(planned()))?.id).to.equal('sha256:fresh');
    });

  const changes: readonly [string, (directory: string) => Promise<void>][] = [
    ['a file was written', (folder) => writeFile(join(folder, 'a.txt'), 'eno')],
    [
      'a file has another time',
      (folder) => utimes(join(folder, 'a.txt'), past, new Date(past.getTime() + 10)),
    ],
    ['a file is new', (folder) => writeFile(join(folder, 'c.txt'), '')],
    ['a file is gone', (folder) => rm(join(folder, 'b.txt'))],
  ];
  for (const [what, change] of changes)
    it(`are not found when ${what}`, async () => {
      await remember();
      await change(directory);
      expect(await (await open()).find(planned())).to.equal(undefined);
    });

  it('are not found when the engine has lost the image', async () => {
    await remember();
    isThere = false;
    expect(await (await open()).find(planned())).to.equal(undefined);
  });

  const unremembered: readonly [string, () => Promise<void>, PlannedTask, boolean][] = [
    ['fetch something', async () => {}, planned({}, false), true],
    ['come from a context that is not seen again', async () => {}, planned(), false],
    [
      'have a file that was written just now',
      () => writeFile(join(directory, 'a.txt'), 'new'),
      planned(),
      true,
    ],
  ];
  for (const [what, prepare, task, keyed] of unremembered)
    it(`do not hold builds that ${what}`, async () => {
      await prepare();
      const known = await open(keyed);
      await known.find(task);
      await known.remember(task, { id: 'sha256:full', platform });
      expect(await (await open(keyed)).find(task)).to.equal(undefined);
    });

  it('leave it to the build to say why a context cannot be read', async () => {
    const known = await open();
    await rm(directory, { recursive: true });
    expect(await known.find(planned())).to.equal(undefined);
    await known.remember(planned(), { id: 'sha256:full', platform });
  });
});

describe('a build that can be repeated', () => {
  const rows: readonly [string, boolean][] = [
    [`FROM ${pinned}\nCOPY . .\nRUN make\n`, true],
    ['FROM scratch\nCOPY . .\n', true],
    [`FROM ${pinned} AS a\nFROM a\nCOPY --from=a /x /x\n`, true],
    [`FROM ${pinned}\nADD a.tar /\n`, true],
    ['FROM busybox\n', false],
    [`FROM ${pinned}\nCOPY --from=busybox /bin /bin\n`, false],
    [`FROM ${pinned}\nRUN --mount=type=bind,from=busybox,target=/b true\n`, false],
    [`FROM ${pinned}\nADD https://example.com/a /\n`, false],
    [`FROM ${pinned}\nADD git@example.com:a/b.git /\n`, false],
    [`FROM ${pinned}\nARG URL\nADD $URL /\n`, false],
    [`FROM ${pinned}\nONBUILD ADD https://example.com/a /\n`, false],
    [`# syntax=docker/dockerfile:1\nFROM ${pinned}\n`, false],
  ];
  for (const [text, expected] of rows)
    it(`${JSON.stringify(text)}: ${expected ? 'yes' : 'no'}`, () => {
      expect(isRepeatable(text, { platform }, [])).to.equal(expected);
    });

  it('has no base with triggers', () => {
    const base = (onBuild?: readonly string[]): ResolvedBase =>
      ({ config: { config: { OnBuild: onBuild } } }) as unknown as ResolvedBase;
    expect(isRepeatable(`FROM ${pinned}\n`, { platform }, [base(['ADD https://x /'])])).to.equal(false);
    expect(isRepeatable(`FROM ${pinned}\n`, { platform }, [base([]), base()])).to.equal(true);
  });
});
