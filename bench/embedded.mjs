import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../scripts/lib/run.mjs';
import { openBuilders } from './builders.mjs';
import { median } from './measure.mjs';
import { digestOfFile, withPushedImage } from './pushed-image.mjs';
import { startRegistry } from './registry-servers.mjs';
import { makeSmallContext } from './small-context.mjs';

const machines = {
  'linux/amd64': ['x86_64'],
  'linux/arm64': ['aarch64'],
  'linux/arm/v7': ['armv7l', 'armv8l'],
};
const manyFiles = 10_000;
const payloadBytes = 100_000_000;

/**
 * The embedded engine against buildah and dockerd with buildx, each building and pushing three platforms: from nothing,
 * again without its cache, again with it, after a change of one file in ten thousand, and 300 MB of files without RUN. What
 * was pushed is unpacked and looked at each time, outside of the clock.
 *
 * @param {{ dir: string, env: Record<string, string>, mabuild: readonly string[], cache: string, rounds: number }} options
 *   `env` of the services, `cache`: folder that keeps packages of peers between runs
 */
export async function benchEmbedded({ dir, env, mabuild, cache, rounds }) {
  const builders = await openBuilders({
    ...{ dir: join(dir, 'builders'), mirror: env.MABUILD_TEST_MIRROR, mabuild, cache },
    log: (line) => console.log(`\n${line}`),
  });
  const site = { dir, registry: env.MABUILD_TEST_REGISTRY, builders };
  try {
    const costs = {};
    for (let round = 1; round <= rounds; round++) {
      for (const scenario of [runScenarios, manyFilesScenario, largeScenario]) {
        for (const [title, byBuilder] of Object.entries(await scenario(site, round))) {
          costs[title] ??= Object.fromEntries(builders.map((builder) => [builder.name, []]));
          for (const [name, cost] of Object.entries(byBuilder)) costs[title][name].push(cost);
        }
      }
    }
    for (const [title, byBuilder] of Object.entries(costs)) printCosts(title, byBuilder);
  } finally {
    for (const builder of builders) await builder.close();
  }
}

/** (a) and (b): steps that run on the target. */
async function runScenarios({ dir, registry, builders }, round) {
  const context = await makeSmallContext(join(dir, 'small'));
  const last = await readFile(join(context, 'data', '299.bin'));
  const judge = async ({ platform, root }) => {
    const text = async (name) => (await readFile(join(root, 'app', name), 'utf8')).trim();
    same(machines[platform]?.includes(await text('machine')), true, `${platform}: what uname said`);
    same(await text('count'), '300', `${platform}: files counted by RUN`);
    same(last.equals(await readFile(join(root, 'app/data/299.bin'))), true, `${platform}: a copied file`);
  };
  const image = ({ key }, name) => `${registry}/bench/${key}-${name}-${round}:1`;
  const measure = async (name, request = {}) =>
    await inTurn(builders, async (builder) => {
      if (name === 'cold') await builder.forget();
      const pushed = image(builder, name === 'cached' ? 'cold' : name);
      return await measured({ builder, dir, image: pushed, context, wanted: /^app\//, judge, ...request });
    });
  const costs = {
    '(a) three platforms with RUN, from nothing: bases pulled too': await measure('cold'),
    '(a) the same with bases at hand, nothing else cached': await measure('again', { noCache: true }),
    '(b) the same again, all cached': await measure('cached'),
  };
  await rm(context, { recursive: true });
  return costs;
}

/** (c): a change of one file. */
async function manyFilesScenario({ dir, registry, builders }, round) {
  const context = join(dir, 'many');
  for (let folder = 0; folder < 100; folder++) {
    await mkdir(join(context, 'src', `folder-${folder}`), { recursive: true });
    for (let file = 0; file < manyFiles / 100; file++) {
      const text = `${randomBytes(300).toString('hex')}\n${'export const one = 1;\n'.repeat(40)}`;
      await writeFile(join(context, 'src', `folder-${folder}`, `file-${file}.js`), text);
    }
  }
  await writeDockerfile(context, [
    'FROM busybox',
    'RUN mkdir /app && uname -m > /app/machine',
    'WORKDIR /app',
    'COPY src src',
    'CMD ["ls", "src"]',
  ]);
  const changed = 'src/folder-42/file-7.js';
  const title = `(c) one file of ${manyFiles.toLocaleString('en')} changed`;
  const costs = await inTurn(builders, async (builder) => {
    const image = `${registry}/bench/${builder.key}-many-${round}:1`;
    await builder.build({ context, image });
    const text = `changed for ${builder.key}: ${randomBytes(300).toString('hex')}\n`;
    await writeFile(join(context, changed), text);
    const judge = async ({ platform, root, names }) => {
      same(await readFile(join(root, 'app', changed), 'utf8'), text, `${platform}: the changed file`);
      same(names.filter((name) => name.endsWith('.js')).length, manyFiles, `${platform}: files`);
    };
    const wanted = new RegExp(`${changed}$`);
    return await measured({ builder, dir, image, context, wanted, judge });
  });
  await rm(context, { recursive: true });
  return { [title]: costs };
}

/** (d): random bytes, 100 MB for each platform, pushed to a registry that has nothing. */
async function largeScenario({ dir, builders }) {
  const context = join(dir, 'large');
  const title = '(d) files only, 3 × 100 MB of random bytes, one for each platform';
  const costs = await inTurn(builders, async (builder) => {
    await mkdir(context);
    for (const name of ['amd64', 'arm64', 'arm']) await writeRandom(join(context, name), payloadBytes);
    await writeDockerfile(context, [
      'FROM busybox',
      'ARG TARGETARCH',
      `COPY \${TARGETARCH} /data/payload`,
      'CMD ["ls", "-l", "/data"]',
    ]);
    const data = join(dir, 'large-registry');
    const registry = await startRegistry({ dir, data });
    const wanted = /payload$/;
    const judge = async ({ platform, root }) => {
      const [, architecture] = platform.split('/');
      const wanted = await digestOfFile(join(context, architecture));
      same(await digestOfFile(join(root, 'data/payload')), wanted, `${platform}: 100 MB`);
    };
    try {
      return await measured({
        builder,
        dir,
        image: `${registry.host}/bench/large:1`,
        context,
        wanted,
        judge,
      });
    } finally {
      await registry.stop();
      await rm(data, { recursive: true, force: true });
      await rm(context, { recursive: true });
    }
  });
  return { [title]: costs };
}

/** Builds with one builder; what it pushed must be right. */
async function measured({ builder, dir, image, context, wanted, judge, noCache = false }) {
  // What others left to be written is not on this one's clock.
  await run('sync', []);
  const cost = await builder.build({ context, image, noCache });
  await withPushedImage({ image, dir: join(dir, 'pushed'), wanted }, async (images) => {
    const found = images.map(({ platform }) => platform).sort();
    same(found.join(' '), Object.keys(machines).sort().join(' '), `platforms of ${builder.name}`);
    for (const pushed of images) await judge(pushed);
  });
  return cost;
}

async function inTurn(builders, work) {
  const costs = {};
  for (const builder of builders) costs[builder.name] = await work(builder);
  return costs;
}

function same(found, wanted, what) {
  if (found !== wanted) throw new Error(`${what}: ${found}, not ${wanted}`);
}

async function writeDockerfile(context, lines) {
  await writeFile(join(context, 'Dockerfile'), `${lines.join('\n')}\n`);
}

async function writeRandom(path, bytes) {
  const file = await open(path, 'w');
  try {
    for (let left = bytes; left > 0; left -= 10_000_000)
      await file.write(randomBytes(Math.min(left, 10_000_000)));
  } finally {
    await file.close();
  }
}

/** Medians, and ratios to the best peer: of wall-clock time, and of processor time where it can be counted. */
function printCosts(title, byBuilder) {
  console.log(`\n${title}`);
  const of = (name, field) => median(byBuilder[name].map((cost) => cost[field]));
  const [ours, ...peers] = Object.keys(byBuilder);
  for (const [name, costs] of Object.entries(byBuilder)) {
    const all = costs.map(({ seconds }) => seconds);
    const range = `${Math.min(...all).toFixed(2)}–${Math.max(...all).toFixed(2)}`;
    const cpu = costs[0]?.cpu === undefined ? '' : `   processor ${of(name, 'cpu').toFixed(2)} s`;
    console.log(
      `  ${name.padEnd(26)} median ${of(name, 'seconds').toFixed(2)} s (${range}, n=${all.length})${cpu}`,
    );
  }
  for (const [field, what] of [
    ['seconds', 'time'],
    ['cpu', 'processor time'],
  ]) {
    if (peers.length === 0 || byBuilder[ours][0]?.[field] === undefined) continue;
    const best = peers.reduce((a, b) => (of(a, field) <= of(b, field) ? a : b));
    console.log(`  ${what} / best peer (${best}): ${(of(ours, field) / of(best, field)).toFixed(2)}`);
  }
}
