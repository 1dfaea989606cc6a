/**
 * node scripts/with-newer-engines.mjs [--suite trixie|forky] COMMAND [ARG…]
 *
 * Runs a command while the services of the tests are up and, beside them, two newer Docker Engines out of another Debian
 * release: MABUILD_TEST_NEWER_DOCKER_HOST keeps images with a graph driver, MABUILD_TEST_NEWER_DOCKER_HOST_CONTAINERD with
 * containerd. Needs Debian and root; the packages (70 MB) are fetched once.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from './lib/main.mjs';
import { newerEngineRoot, startNewerEngine } from './lib/newer-engine.mjs';
import { runInForeground } from './lib/process.mjs';
import { removeTree } from './lib/remove-tree.mjs';
import { withServices } from './lib/with-services.mjs';
import { cache, setup } from './lib/workspace.mjs';

await main(async () => {
  const args = process.argv.slice(2);
  const suite = args[0] === '--suite' ? args.splice(0, 2)[1] : 'trixie';
  const [command, ...rest] = args;
  if (command === undefined || suite === undefined)
    throw new Error('usage: node scripts/with-newer-engines.mjs [--suite NAME] COMMAND [ARG…]');
  await setup();
  const root = await newerEngineRoot(suite, { cache, log: console.error });
  return await withServices({ ownOnly: true }, async ({ env, reason }) => {
    if (reason !== undefined) throw new Error(reason);
    const dir = await mkdtemp(join(tmpdir(), 'mabuild-newer-'));
    const engines = [];
    try {
      for (const store of ['graphdriver', 'containerd']) {
        engines.push(await startNewerEngine(store, { root, dir, store, mirror: env.MABUILD_TEST_MIRROR }));
      }
      const [graphdriver, containerd] = engines;
      return await runInForeground(command, rest, {
        env: {
          ...process.env,
          ...env,
          DOCKER_HOST: env.MABUILD_TEST_DOCKER_HOST,
          MABUILD_TEST_NEWER_DOCKER_HOST: graphdriver.host,
          MABUILD_TEST_NEWER_DOCKER_HOST_CONTAINERD: containerd.host,
          MABUILD_REQUIRE_SERVICES: '1',
        },
      });
    } finally {
      for (const engine of engines.reverse()) await engine.stop();
      await removeTree(dir);
    }
  });
});
