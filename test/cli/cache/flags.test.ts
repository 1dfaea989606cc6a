import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import {
  type CachePruneFlags,
  pruneRequestOf,
} from '../../../packages/cli/src/commands/cache-prune-flags.ts';
import { parseCacheFrom, parseCacheTo } from '../../../packages/cli/src/sdk/cache/cache-spec.ts';
import { cacheLimit } from '../../../packages/cli/src/sdk/cache/place.ts';
import { parseSize } from '../../../packages/cli/src/sdk/cache/size.ts';
import { runCli } from '../../support/cli-run.ts';

const now = Date.parse('2026-06-01T12:00:00Z');

describe('flags of mabuild cache prune', () => {
  const rows: readonly (readonly [Partial<CachePruneFlags>, object])[] = [
    [{}, { all: false, before: undefined, kinds: undefined, keepStorage: undefined }],
    [{ all: true }, { all: true }],
    [{ filter: ['until=24h'] }, { before: new Date('2026-05-31T12:00:00Z') }],
    [{ filter: ['unused-for=1h30m'] }, { before: new Date('2026-06-01T10:30:00Z') }],
    [{ filter: ['until=0.5h'] }, { before: new Date('2026-06-01T11:30:00Z') }],
    [{ filter: ['until=90s'] }, { before: new Date('2026-06-01T11:58:30Z') }],
    [{ filter: ['until=2026-01-31'] }, { before: new Date('2026-01-31T00:00:00Z') }],
    [{ filter: ['until=2026-01-31T10:00:00Z'] }, { before: new Date('2026-01-31T10:00:00Z') }],
    [{ filter: ['until=1700000000'] }, { before: new Date(1_700_000_000_000) }],
    [{ filter: ['type=layer', 'type=scan'] }, { kinds: ['layer', 'scan'] }],
    [{ filter: ['type=exec.cachemount'] }, { kinds: ['cache-mount'] }],
    [{ keepStorage: '10GB' }, { keepStorage: 10_000_000_000 }],
    [{ maxUsedSpace: '1GiB' }, { keepStorage: 1_073_741_824 }],
    [{ keepStorage: '0' }, { keepStorage: 0 }],
  ];
  for (const [flags, expected] of rows) {
    it(`reads ${JSON.stringify(flags)}`, () => {
      expect(pruneRequestOf(flags, now)).to.deep.include(expected);
    });
  }

  const refused: readonly (readonly [Partial<CachePruneFlags>, RegExp])[] = [
    [{ filter: ['until'] }, /names no time/],
    [{ filter: ['until=24'.concat('x')] }, /names no time/],
    [{ filter: ['until=yesterday'] }, /names no time/],
    [{ filter: ['until=-24h'] }, /names no time/],
    [{ filter: ['type=images'] }, /names no kind/],
    [{ filter: ['type=__proto__'] }, /names no kind/],
    [{ filter: ['id=7'] }, /is unknown/],
    [{ keepStorage: 'much' }, /--keep-storage "much" is no size/],
    [{ keepStorage: '-1' }, /is no size/],
    [{ keepStorage: '1', maxUsedSpace: '1' }, /are the same/],
  ];
  for (const [flags, message] of refused) {
    it(`refuses ${JSON.stringify(flags)}`, () => {
      expect(() => pruneRequestOf(flags, now))
        .to.throw(message)
        .that.satisfies((error: unknown) => isMabuildError(error) && error.code === 'USAGE');
    });
  }
});

describe('sizes', () => {
  const rows: readonly (readonly [string, number])[] = [
    ['0', 0],
    ['1234', 1234],
    ['1b', 1],
    ['1k', 1000],
    ['1.5kB', 1500],
    ['512MB', 512_000_000],
    ['2 GiB', 2 * 1024 ** 3],
    ['1tb', 1e12],
  ];
  for (const [text, size] of rows)
    it(`are read: ${text}`, () => {
      expect(parseSize(text, 'it')).to.equal(size);
    });
  for (const text of ['', 'x', '1x', '1e9', '0x10', '99999999999999999999'])
    it(`are refused: ${text}`, () => {
      expect(() => parseSize(text, 'it')).to.throw(/is no size/);
    });

  it('limit the cache as the environment says, else the configuration, else 10 GB', () => {
    const limit = (variables: Record<string, string>, said?: string) =>
      cacheLimit({
        environment: { variables } as unknown as Parameters<typeof cacheLimit>[0]['environment'],
        config: said === undefined ? {} : { cacheLimit: said },
      });
    expect(limit({})).to.equal(10_000_000_000);
    expect(limit({}, '5GB')).to.equal(5_000_000_000);
    expect(limit({ MABUILD_CACHE_LIMIT: '1GB' }, '5GB')).to.equal(1_000_000_000);
    expect(limit({ MABUILD_CACHE_LIMIT: 'none' }, '5GB')).to.equal(undefined);
    expect(() => limit({ MABUILD_CACHE_LIMIT: 'lots' })).to.throw(/the cache limit "lots" is no size/);
  });
});

describe('--cache-from and --cache-to', () => {
  const registry = (reference: string) => ({ type: 'registry', reference });
  const local = (path: string, tag = 'latest') => ({ type: 'local', path, tag });
  const from: readonly (readonly [string, object])[] = [
    ['ghcr.io/me/app:cache', registry('ghcr.io/me/app:cache')],
    ['localhost:5000/app', registry('localhost:5000/app')],
    ['type=registry,ref=ghcr.io/me/app:cache', registry('ghcr.io/me/app:cache')],
    ['ref=ghcr.io/me/app:cache', registry('ghcr.io/me/app:cache')],
    ['oci:some/folder', local('some/folder')],
    ['oci:some/folder:tag', local('some/folder', 'tag')],
    ['type=local,src=some/folder', local('some/folder')],
    ['type=local,src=/x,tag=main', local('/x', 'main')],
  ];
  for (const [text, expected] of from)
    it(`are read: ${text}`, () => {
      expect(parseCacheFrom(text)).to.deep.equal(expected);
    });
  const to: readonly (readonly [string, object])[] = [
    ['ghcr.io/me/app:cache', { ...registry('ghcr.io/me/app:cache'), ignoreError: false }],
    ['oci:x', { ...local('x'), ignoreError: false }],
    ['type=inline', { type: 'inline' }],
    [
      'type=registry,ref=h.example/a:c,mode=max,ignore-error=true',
      { ...registry('h.example/a:c'), mode: 'max', ignoreError: true },
    ],
    ['type=local,dest=x,mode=min,ignore-error=0', { ...local('x'), mode: 'min', ignoreError: false }],
    [
      'type=registry,ref=h.example/a:c,oci-mediatypes=true,image-manifest=true,compression=gzip',
      { ...registry('h.example/a:c'), ignoreError: false },
    ],
  ];
  for (const [text, expected] of to)
    it(`are read: ${text}`, () => {
      expect(parseCacheTo(text)).to.deep.equal(expected);
    });
  const refused: readonly (readonly ['from' | 'to', string, RegExp])[] = [
    ['from', '', /needs ref/],
    ['from', 'UPPER/CASE', /UPPER/],
    ['from', 'type=gha', /type=gha is not kept/],
    ['from', 'type=inline', /read by naming the image/],
    ['from', 'type=__proto__', /is not kept/],
    ['from', 'type=registry', /needs ref/],
    ['from', 'type=local,dest=x', /has no dest/],
    ['from', 'type=local', /needs src=DIR/],
    ['from', 'type=registry,ref=a,ref=b', /is not NAME=VALUE/],
    ['from', 'type=registry,ref=a,mode=max', /has no mode/],
    ['from', 'type=local,src=x,nonsense', /is not NAME=VALUE/],
    ['to', 'type=inline,mode=max', /has nothing besides/],
    ['to', 'type=s3,bucket=x', /type=s3 is not kept/],
    ['to', 'type=local,src=x', /has no src/],
    ['to', 'type=local', /needs dest=DIR/],
    ['to', 'type=registry,ref=a,mode=most', /mode is min or max/],
    ['to', 'type=registry,ref=a,ignore-error=maybe', /ignore-error is true or false/],
    ['to', 'type=registry,ref=a,compression=zstd', /compression is always gzip/],
    ['to', `h.example/a@sha256:${'0'.repeat(64)}`, /a digest cannot be written/],
  ];
  for (const [flag, text, message] of refused)
    it(`are refused: --cache-${flag} ${text}`, () => {
      expect(() => (flag === 'from' ? parseCacheFrom : parseCacheTo)(text)).to.throw(message);
    });
});

describe('mabuild cache', () => {
  let work = '';
  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'mabuild-cache-'));
  });
  after(() => rm(work, { recursive: true, force: true }));

  it('says that there is nothing', async () => {
    const { code, stdout } = await runCli(work, ['cache', 'du', '--format', 'json']);
    expect(code).to.equal(0);
    const usage = JSON.parse(stdout);
    expect(usage).to.include({ version: 1, size: 0, reclaimable: 0, limit: 10_000_000_000 });
    expect(usage.kinds.map(({ kind }: { kind: string }) => kind)).to.deep.equal([
      ...['layer', 'result', 'scan', 'unpacked', 'cache-mount', 'download', 'program', 'record'],
    ]);
    const pruned = await runCli(work, ['cache', 'prune']);
    expect(pruned.stdout).to.equal('Total: 0 B reclaimed, 0 B left\n');
  });

  it('hears of a wrong limit before anything is built', async () => {
    await writeFile(join(work, 'Dockerfile'), 'FROM scratch\nLABEL a=b\n');
    const { code, stderr } = await runCli(work, ['build', '--engine', 'embedded', '-o', 'oci:made', '.'], {
      MABUILD_CACHE_LIMIT: 'much',
    });
    expect(code).to.equal(2);
    expect(stderr).to.match(/the cache limit "much" is no size/);
    expect(existsSync(join(work, 'made'))).to.equal(false);
  });

  it('names a wrong flag', async () => {
    const { code, stderr } = await runCli(work, ['cache', 'prune', '--filter', 'until=soon']);
    expect(code).to.equal(2);
    expect(stderr).to.match(/until=24h/);
    const build = await runCli(work, ['build', '--cache-to', 'type=gha', '.']);
    expect(build.code).to.equal(2);
    expect(build.stderr).to.match(/--cache-to "type=gha"/);
  });
});
