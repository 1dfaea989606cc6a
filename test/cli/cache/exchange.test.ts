import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '@mabuild/oci';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { cacheUsage } from '../../../packages/cli/src/sdk/cache/cache-usage.ts';
import { pruneCache } from '../../../packages/cli/src/sdk/cache/prune-cache.ts';
import { type CacheTrial, cacheTrial, randomContext } from '../../support/cache-trial.ts';
import { hasDebs } from '../../support/debs.ts';
import { rejection } from '../../support/rejection.ts';

const files = { Dockerfile: 'FROM scratch\nCOPY a /a\nCOPY b /b\n', a: 'A', b: 'B' };

describe('caches that are kept elsewhere', function () {
  this.timeout(120_000);
  let trial: CacheTrial;
  let registry: TestRegistry;
  before(async () => {
    trial = await cacheTrial();
    registry = await startTestRegistry();
  });
  after(async () => {
    await registry.close();
    await trial.remove();
  });

  it('give hits to a machine with nothing', async () => {
    const reference = `${registry.host}/team/app:cache`;
    const first = await trial.build('one', files, { cacheTo: [reference] });
    const second = await trial.build('two', files, { cacheFrom: [reference] });
    expect(second.digest).to.equal(first.digest);
    expect(second.cached).to.deep.equal(['COPY a /a', 'COPY b /b']);
    expect(second.warnings).to.deep.equal([]);
    // What came once is this machine's own.
    const third = await trial.build('two', files);
    expect(third.cached).to.have.length(2);
  });

  it('are not there before the first build', async () => {
    for (const place of [`${registry.host}/team/none:cache`, 'oci:none']) {
      const { warnings } = await trial.build('first', files, { cacheFrom: [place] });
      const [warning, ...others] = warnings;
      expect(warning).to.match(/^there is no cache at .*none\S* yet$/);
      expect(others).to.deep.equal([]);
    }
  });

  it('have an entry a platform, and keep those of others', async () => {
    const platformed = {
      ...files,
      Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY a /a-$TARGETARCH\n',
    };
    for (const place of [`${registry.host}/team/app:platforms`, 'oci:platforms']) {
      for (const platform of ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/arm64'])
        await trial.build(`of ${platform}`, platformed, { platforms: [platform], cacheTo: [place] });
      const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];
      const all = await trial.build(`all of ${place.length}`, platformed, { platforms, cacheFrom: [place] });
      expect(all.cached, place).to.have.length(3);
      expect(Object.keys(all.layers)).to.have.members(platforms);
    }
    const index = JSON.parse(
      String(registry.manifest('team/app', registry.tagOf('team/app', 'platforms') ?? '')?.bytes),
    );
    expect(index.manifests).to.have.length(3);
  });

  it('are written by several builds at a time', async () => {
    const reference = `${registry.host}/team/app:many`;
    const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/riscv64'];
    await Promise.all(
      platforms.map((platform) =>
        trial.build('many', files, { platforms: [platform], cacheTo: [reference] }),
      ),
    );
    const index = JSON.parse(
      String(registry.manifest('team/app', registry.tagOf('team/app', 'many') ?? '')?.bytes),
    );
    expect(index.manifests).to.have.length(4);
  });

  it('leave layers where they are until they are needed', async () => {
    const staged = {
      ...files,
      Dockerfile:
        'FROM scratch AS made\nWORKDIR /made\nCOPY a sub/\nFROM made\nWORKDIR /other\nCOPY b .\nFROM scratch\nCOPY b /b\nCOPY --from=1 /made/sub/a /other/b /last/\n',
    };
    const reference = `${registry.host}/team/app:lazy`;
    const first = await trial.build('lazy one', staged, {
      cacheTo: [`type=registry,ref=${reference},mode=max`],
    });
    const begun = registry.requests.length;
    const second = await trial.build('lazy two', staged, { cacheFrom: [reference] });
    expect(second.digest).to.equal(first.digest);
    expect(second.done).to.deep.equal([]);
    // The records, and the two layers of the image.
    const blobs = registry.requests.slice(begun).filter(({ url }) => url.includes('/blobs/'));
    expect(blobs).to.have.length(3);
    // A step that is new takes what it needs.
    const more = { ...staged, Dockerfile: `${staged.Dockerfile}COPY --from=1 /other /other\n` };
    const third = await trial.build('lazy three', more, { cacheFrom: [reference] });
    expect(third.done).to.deep.equal(['COPY --from=1 /other /other']);
    const without = await trial.build('lazy four', more);
    expect(third.layers).to.deep.equal(without.layers);
  });

  it('hold the layers of the image with mode=min, and all with mode=max', async () => {
    const staged = {
      ...files,
      Dockerfile: 'FROM scratch AS made\nCOPY a /x/a\nFROM scratch\nCOPY --from=made /x/a /b\n',
    };
    const counts: number[] = [];
    for (const mode of ['min', 'max']) {
      await trial.build('modes', staged, { cacheTo: [`type=local,dest=${mode},mode=${mode}`] });
      counts.push((await readdir(join(trial.work, mode, 'blobs/sha256'))).length);
    }
    expect(counts).to.deep.equal([4, 5]);
  });

  it('say once what mode=min leaves out, unless it is asked for', async () => {
    const one = 'FROM scratch\nCOPY a /b\n';
    const two = 'FROM scratch AS made\nCOPY a /x/a\nFROM scratch\nCOPY --from=made /x/a /b\n';
    const rows: readonly (readonly [string, readonly string[], RegExp | undefined])[] = [
      [one, ['oci:told'], undefined],
      [two, ['oci:told'], /told:latest keeps .*: a layer of .*--cache-to type=local,dest=told,mode=max/],
      [two, ['oci:told:t', 'oci:also'], /^[^;]*; --cache-to type=local,dest=told,tag=t,mode=max keeps all$/],
      [two, ['type=local,dest=told,mode=min', 'type=local,dest=all,mode=max'], undefined],
      [two, [`${registry.host}/team/told:c`], /--cache-to type=registry,ref=\S+\/team\/told:c,mode=max/],
    ];
    for (const [Dockerfile, cacheTo, expected] of rows) {
      const { warnings } = await trial.build('modes', { ...files, Dockerfile }, { cacheTo });
      expect(warnings, cacheTo.join()).to.have.length(expected === undefined ? 0 : 1);
      if (expected) expect(warnings[0]).to.match(expected);
    }
  });

  it('are not written over something else', async () => {
    const image = `${registry.host}/team/app:1`;
    await trial.build('one', files, { tags: [image], output: { type: 'push' } }).catch(() => undefined);
    const before = registry.tagOf('team/app', '1');
    const error = await rejection(trial.build('one', files, { cacheTo: [image] }));
    expect(error.code).to.equal('CACHE_REFUSED');
    const told = await trial.build('one', files, {
      cacheTo: [`type=registry,ref=${image},ignore-error=true`],
    });
    expect(told.warnings.join()).to.match(/something else lies there/);
    expect(registry.tagOf('team/app', '1')).to.equal(before);
    await mkdir(join(trial.work, 'mine'));
    await writeFile(join(trial.work, 'mine/letter.txt'), 'dear');
    const folder = await rejection(trial.build('one', files, { cacheTo: ['oci:mine'] }));
    expect(folder.code).to.equal('LAYOUT_INVALID');
  });

  it('are none inside of the image', async () => {
    const error = await rejection(trial.build('one', files, { cacheTo: ['type=inline'] }));
    expect(error.code).to.equal('ENGINE_CANNOT');
  });
});

describe('a cache with a limit', () => {
  it('is brought below it after a build', async () => {
    const trial = await cacheTrial();
    try {
      const large = (text: string) => ({ ...files, a: Buffer.alloc(50_000, text), b: randomBytes(100_000) });
      await trial.build('limited', large('a'));
      const before = await cacheUsage(trial.options('limited'));
      const aged = new Date(Date.now() - 3_600_000);
      for (const name of ['checked', ...before.entries.map(({ id }) => id)])
        await utimes(join(trial.work, 'limited', name), aged, aged);
      const config = { cacheLimit: '150kB' };
      await trial.build('limited', large('b'), {}, { config });
      const after = await cacheUsage({ ...trial.options('limited'), config });
      expect(after.limit).to.equal(150_000);
      // What the build itself used stays.
      const ids = after.entries.map(({ id }) => id);
      for (const { id, size } of before.entries) if (size > 90_000) expect(ids).to.not.include(id);
      expect(ids.length).to.be.greaterThan(1);
      const again = await trial.build('limited', large('b'));
      expect(again.digest).to.match(/^sha256:/);
    } finally {
      await trial.remove();
    }
  });
});

describe('RUN on a machine with nothing', function () {
  this.timeout(120_000);
  let trial: CacheTrial;
  before(async function () {
    if (process.platform !== 'linux' || !(await hasDebs())) this.skip();
    trial = await cacheTrial({ helper: true });
  });
  after(() => trial?.remove());

  it('is not executed when its result is kept elsewhere', async () => {
    const context = await randomContext(['RUN cat /random > /copy', 'RUN : nothing']);
    const first = await trial.build('first', context, { cacheTo: ['oci:kept'] });
    const without = await trial.build('without', context);
    expect(without.layers).to.not.deep.equal(first.layers);
    const second = await trial.build('second', context, { cacheFrom: ['oci:kept'] });
    expect(second.layers).to.deep.equal(first.layers);
    expect(second.digest).to.equal(first.digest);
    for (const kind of await readdir(join(trial.work, 'second/sandbox')))
      expect(await readdir(join(trial.work, 'second/sandbox', kind, 'layers'))).to.deep.equal([]);
    // What it holds is told, with the ids of cache mounts.
    const mounts = await randomContext(['RUN --mount=type=cache,id=mine,target=/c cp /data /c/data']);
    await trial.build('first', mounts);
    const { kinds, entries, size } = await cacheUsage(trial.options('first'));
    expect(entries.filter(({ kind }) => kind === 'cache-mount').map(({ name }) => name)).to.deep.equal([
      'mine',
    ]);
    expect(kinds.find(({ kind }) => kind === 'unpacked')?.items).to.be.greaterThan(1);
    expect(entries.some(({ inUse }) => inUse)).to.equal(false);
    expect(size).to.be.greaterThan(1_000_000);
    const pruned = await pruneCache({ kinds: ['unpacked', 'cache-mount'] }, trial.options('first'));
    expect(pruned.removed.map(({ kind }) => kind)).to.deep.equal(['unpacked', 'cache-mount']);
    expect((await cacheUsage(trial.options('first'))).size).to.equal(pruned.size);
    // What follows is executed on what came from there.
    const more = await randomContext(['RUN cat /random > /copy', 'RUN : nothing', 'RUN cat /copy > /more']);
    const third = await trial.build('third', more, { cacheFrom: ['oci:kept'] });
    expect(third.layers['linux/amd64']?.slice(0, -1)).to.deep.equal(first.layers['linux/amd64']);
  });

  it('is not executed in other stages either, with mode=max', async () => {
    const lines = ['FROM scratch', 'COPY --from=0 /random /kept'];
    const context = await randomContext(lines);
    const to = ['type=local,dest=all,mode=max'];
    const first = await trial.build('stages', context, { cacheTo: to });
    // What was taken from there may be given on, also where it was never needed.
    const second = await trial.build('stages elsewhere', context, {
      cacheFrom: ['oci:all'],
      cacheTo: ['type=local,dest=again,mode=max'],
    });
    const third = await trial.build('stages once more', context, { cacheFrom: ['oci:again'] });
    expect(second.digest).to.equal(first.digest);
    expect(third.digest).to.equal(first.digest);
    for (const { done } of [second, third]) expect(done).to.deep.equal([]);
  });
});

// biome-ignore lint/suspicious/noExplicitAny: documents that are made wrong
type Document = Record<string, any>;

/** Changes documents of a cache in a layout, and what points at them. */
interface Damage {
  readonly name: string;
  /** Of the records' document. */
  readonly config?: (document: Document) => unknown;
  readonly manifest?: (document: Document) => unknown;
  readonly index?: (document: Document) => unknown;
  /** After all, with the folder of blobs. */
  readonly files?: (blobs: string, layers: readonly string[]) => Promise<unknown>;
  readonly warns: RegExp;
}

const record = (change: (record: Document) => unknown) => (document: Document) => {
  for (const item of document.records) change(item);
};

const damages: readonly Damage[] = [
  {
    name: 'no index',
    files: (blobs) => rm(join(blobs, '../../index.json')),
    warns: /there is no cache at oci:no-index:latest yet/,
  },
  { name: 'an index of images', index: (index) => delete index.artifactType, warns: /something else/ },
  {
    name: "BuildKit's own cache",
    index: (index) => {
      delete index.artifactType;
      index.manifests = [{ ...index.manifests[0], mediaType: 'application/vnd.buildkit.cacheconfig.v0' }];
    },
    warns: /something else/,
  },
  {
    name: 'a hundred entries',
    index: (index) => {
      index.manifests = Array.from({ length: 100 }, () => index.manifests[0]);
    },
    warns: /100 entries/,
  },
  {
    name: 'an index in the index',
    index: (index) => {
      index.manifests[0].mediaType = 'application/vnd.oci.image.index.v1+json';
    },
    warns: /it holds application/,
  },
  {
    name: 'a manifest that is too large',
    index: (index) => {
      index.manifests[0].size = 1e12;
    },
    warns: /too many|bytes/,
  },
  {
    name: 'another type of records',
    manifest: (manifest) => {
      manifest.config.mediaType = 'application/vnd.oci.image.config.v1+json';
    },
    warns: /it holds application/,
  },
  {
    name: 'records that are too large',
    manifest: (manifest) => {
      manifest.config.size = 1e12;
    },
    warns: /too many/,
  },
  {
    name: 'another type of layers',
    manifest: (manifest) => {
      for (const layer of manifest.layers) layer.mediaType = 'application/zip';
    },
    warns: /it holds application\/zip/,
  },
  {
    name: 'a manifest without layers',
    manifest: (manifest) => {
      manifest.layers = [];
    },
    warns: /names a layer that its manifest does not/,
  },
  {
    name: 'a digest with a path in it',
    manifest: (manifest) => {
      manifest.layers[0].digest = 'sha256:../../../../etc/passwd';
    },
    warns: /no digest/,
  },
  { name: 'an unknown version', config: (config) => (config.version = 2), warns: /version 2/ },
  { name: 'no records', config: (config) => (config.records = null), warns: /no list of records/ },
  { name: 'records that are no objects', config: (config) => (config.records = [7]), warns: /is no object/ },
  {
    name: 'a hundred thousand and one records',
    config: (config) => (config.records = Array.from({ length: 100_001 }, () => 0)),
    warns: /no list of records/,
  },
  { name: 'an unknown kind', config: record((item) => (item.kind = 'memory')), warns: /of no kind/ },
  { name: 'a key with a path', config: record((item) => (item.key = '../../run')), warns: /has no key/ },
  { name: 'a key in capitals', config: record((item) => (item.key = 'A'.repeat(64))), warns: /has no key/ },
  { name: 'no outline', config: record((item) => delete item.outline), warns: /no outline/ },
  { name: 'a layer that is a list', config: record((item) => (item.layer = [])), warns: /is no object/ },
  {
    name: 'a layer without a diff id',
    config: record((item) => (item.layer.diffId = 'sha512:00')),
    warns: /names no layer/,
  },
  { name: 'a time of prose', config: record((item) => (item.layer.created = 'x')), warns: /has no time/ },
  {
    name: 'another size of a layer',
    config: record((item) => (item.layer.size += 1)),
    warns: /names a layer that its manifest does not/,
  },
  {
    name: 'layers that are not there',
    files: (blobs, layers) => Promise.all(layers.map((digest) => rm(join(blobs, digest)))),
    warns: /building again without --cache-from: .*cannot be had/,
  },
  {
    name: 'layers that are something else',
    files: (blobs, layers) =>
      Promise.all(
        layers.map(async (digest) => {
          const bytes = await readFile(join(blobs, digest));
          await writeFile(join(blobs, digest), bytes.fill(7, 20));
        }),
      ),
    warns: /building again without --cache-from: .*cannot be had/,
  },
  {
    name: 'layers that are cut off',
    files: (blobs, layers) => Promise.all(layers.map((digest) => writeFile(join(blobs, digest), 'x'))),
    warns: /building again without --cache-from: .*cannot be had/,
  },
  {
    name: 'a layer of other files than its record says',
    config: record((item) => (item.layer.diffId = `sha256:${'0'.repeat(64)}`)),
    warns: /building again without --cache-from: .*its record says/,
  },
];

describe('a cache from elsewhere that is wrong', function () {
  this.timeout(120_000);
  let trial: CacheTrial;
  let right = '';
  before(async () => {
    trial = await cacheTrial();
    right = (await trial.build('right', files, { cacheTo: ['oci:good'] })).digest;
  });
  after(() => trial.remove());

  for (const damage of damages) {
    it(`is told of, and the build is a normal one: ${damage.name}`, async () => {
      const place = damage.name.replaceAll(/\W+/g, '-');
      await damaged(join(trial.work, 'good'), join(trial.work, place), damage);
      const { digest, warnings, done } = await trial.build(`with ${place}`, files, {
        cacheFrom: [`oci:${place}`],
      });
      expect(warnings.join('\n')).to.match(damage.warns);
      expect(digest).to.equal(right);
      expect(done.slice(-2)).to.deep.equal(['COPY a /a', 'COPY b /b']);
    });
  }

  for (const [name, place, warns] of [
    ['a folder that is not there', 'oci:not-there', /there is no cache at oci:not-there:latest yet/],
    ['a registry that is not there', '127.0.0.1:9/app:cache', /nothing is taken from the cache/],
  ] as const) {
    it(`is told of, and the build is a normal one: ${name}`, async () => {
      const { digest, warnings } = await trial.build(`of ${name}`, files, { cacheFrom: [place] });
      expect(warnings.join('\n')).to.match(warns);
      expect(digest).to.equal(right);
    });
  }

  it('does not take others with it', async () => {
    const { cached, warnings } = await trial.build('several', files, {
      cacheFrom: ['oci:not-there', 'oci:good'],
    });
    expect(warnings).to.have.length(1);
    expect(cached).to.have.length(2);
  });
});

async function damaged(from: string, to: string, damage: Damage): Promise<void> {
  const blobs = join(to, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  await writeFile(join(to, 'oci-layout'), await readFile(join(from, 'oci-layout')));
  for (const name of await readdir(join(from, 'blobs/sha256')))
    await writeFile(join(blobs, name), await readFile(join(from, 'blobs/sha256', name)));
  const read = async (digest: string): Promise<Document> =>
    JSON.parse(await readFile(join(blobs, digest.slice(7)), 'utf8'));
  const write = async (document: object, of: Document): Promise<void> => {
    const bytes = Buffer.from(JSON.stringify(document));
    of.digest = digestOf(bytes);
    of.size = bytes.length;
    await writeFile(join(blobs, of.digest.slice(7)), bytes);
  };
  const top = JSON.parse(await readFile(join(from, 'index.json'), 'utf8'));
  const index = await read(top.manifests[0].digest);
  const manifest = await read(index.manifests[0].digest);
  const config = await read(manifest.config.digest);
  const layers = manifest.layers.map(({ digest }: { digest: string }) => digest.slice(7));
  damage.config?.(config);
  await write(config, manifest.config);
  damage.manifest?.(manifest);
  await write(manifest, index.manifests[0]);
  damage.index?.(index);
  await write(index, top.manifests[0]);
  await writeFile(join(to, 'index.json'), JSON.stringify(top));
  await damage.files?.(blobs, layers);
}
