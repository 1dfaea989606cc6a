/**
 * `npm run bench`: from one run, medians and ratios of building and pushing against buildah (and docker buildx where the
 * machine has it), of pushing and copying images against skopeo (and crane and oras where the machine has them), requests,
 * bytes uploaded, memory, start-up against Node, the time to parse and to check the shared corpora, the latter beside a
 * linter over the same files, and of the embedded engine against buildah and the newest dockerd with buildx.
 *
 * node scripts/bench.mjs [PART…] [--rounds N]    all parts, 3 rounds
 */
import { mkdtemp } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { benchBuild } from '../bench/build.mjs';
import { benchCheck } from '../bench/check.mjs';
import { benchDockerfiles } from '../bench/dockerfiles.mjs';
import { benchEmbedded } from '../bench/embedded.mjs';
import { benchRegistry } from '../bench/registry.mjs';
import { benchStartup } from '../bench/startup.mjs';
import { main } from './lib/main.mjs';
import { removeTree } from './lib/remove-tree.mjs';
import { withServices } from './lib/with-services.mjs';
import { build, cache, root } from './lib/workspace.mjs';

/** In the order in which they run. */
const parts = {
  startup: ({ mabuild, rounds }) => benchStartup({ mabuild, rounds: rounds * 5 }),
  dockerfiles: async ({ corpus }) => {
    const core = await import(pathToFileURL(join(root, 'packages/core/dist/index.js')).href);
    await benchDockerfiles({ corpus, core });
  },
  check: (site) => inFolder('check', (dir) => benchCheck({ ...site, dir })),
  registry: (site) => inFolder('registry', (dir) => benchRegistry({ ...site, dir })),
  build: (site) =>
    withEngine('builds', (env) => inFolder('build', (dir) => benchBuild({ ...site, dir, env }))),
  embedded: (site) =>
    withEngine('embedded engine', (env) =>
      inFolder('embedded', (dir) => benchEmbedded({ ...site, dir, env })),
    ),
};

await main(async () => {
  const { rounds, names } = argumentsOf(process.argv.slice(2));
  await build();
  const mabuild = [process.execPath, join(root, 'packages/cli/bin/mabuild.js')];
  console.log(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}`);
  const site = { mabuild, rounds, cache, corpus: join(root, '../shared/corpus') };
  for (const name of names) {
    console.log(`\n${name}: load of the machine ${loadavg()[0].toFixed(1)}`);
    await parts[name](site);
  }
});

/** Lends a folder of its own. */
async function inFolder(name, work) {
  const dir = await mkdtemp(join(tmpdir(), `mabuild-bench-${name}-`));
  try {
    await work(dir);
  } finally {
    await removeTree(dir);
  }
}

/** Runs what needs an engine and a mirror of our own, where they can be had. */
async function withEngine(what, work) {
  await withServices({ only: 'demo' }, async ({ own, env, reason }) => {
    if (own) return await work(env);
    console.log(
      `\n${what}: skipped, it needs an engine and a mirror of our own${reason ? ` (${reason})` : ''}`,
    );
  });
}

function argumentsOf(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '3' } },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1');
  const unknown = positionals.filter((name) => !Object.hasOwn(parts, name));
  if (unknown.length > 0)
    throw new Error(`${unknown.join(', ')}: the parts are ${Object.keys(parts).join(', ')}`);
  return { rounds, names: positionals.length > 0 ? positionals : Object.keys(parts) };
}
