/**
 * `npm run bench`: from one run, medians and ratios of building and pushing against buildah (and docker buildx where the
 * machine has it), of pushing and copying images against skopeo (and crane and oras where the machine has them), requests,
 * bytes uploaded, memory, start-up against Node, and the time to parse and to check the shared corpora, the latter
 * beside a linter over the same files.
 *
 * node scripts/bench.mjs [--rounds N]    default 3
 */
import { mkdtemp } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { benchBuild } from '../bench/build.mjs';
import { benchCheck } from '../bench/check.mjs';
import { benchDockerfiles } from '../bench/dockerfiles.mjs';
import { benchRegistry } from '../bench/registry.mjs';
import { benchStartup } from '../bench/startup.mjs';
import { main } from './lib/main.mjs';
import { removeTree } from './lib/remove-tree.mjs';
import { withServices } from './lib/with-services.mjs';
import { build, root } from './lib/workspace.mjs';

await main(async () => {
  const rounds = roundsOf(process.argv.slice(2));
  await build();
  const mabuild = [process.execPath, join(root, 'packages/cli/bin/mabuild.js')];
  console.log(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}`);
  await benchStartup({ mabuild, rounds: rounds * 5 });
  const core = await import(pathToFileURL(join(root, 'packages/core/dist/index.js')).href);
  const corpus = join(root, '../shared/corpus');
  await benchDockerfiles({ corpus, core });
  const folder = await mkdtemp(join(tmpdir(), 'mabuild-bench-check-'));
  try {
    await benchCheck({ dir: folder, corpus, mabuild, rounds });
  } finally {
    await removeTree(folder);
  }
  const images = await mkdtemp(join(tmpdir(), 'mabuild-bench-registry-'));
  try {
    await benchRegistry({ dir: images, mabuild, rounds });
  } finally {
    await removeTree(images);
  }
  await withServices({ only: 'demo' }, async ({ own, env, reason }) => {
    if (!own) {
      console.log(
        `\nbuilds: skipped, they need an engine and a mirror of our own${reason ? ` (${reason})` : ''}`,
      );
      return;
    }
    const dir = await mkdtemp(join(tmpdir(), 'mabuild-bench-'));
    try {
      await benchBuild({ dir, env, mabuild, rounds });
    } finally {
      await removeTree(dir);
    }
  });
});

function roundsOf(args) {
  const at = args.indexOf('--rounds');
  const rounds = at < 0 ? 3 : Number(args[at + 1]);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1');
  return rounds;
}
