/**
 * node scripts/test-slow.mjs
 *
 * `npm run test:slow`: migrates the x64 examples, builds them for three platforms over real Debian bases and runs them.
 * Needs root on Debian; the bases are made once and kept in the cache.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bootstrap, ensurePackages } from './lib/debian.mjs';
import { pushDebianBases } from './lib/debian-bases.mjs';
import { main } from './lib/main.mjs';
import { runInForeground } from './lib/process.mjs';
import { withServices } from './lib/with-services.mjs';
import { build, cache, root } from './lib/workspace.mjs';

await main(async () => {
  await build();
  const packages = await ensurePackages({ log: console.error, more: bootstrap });
  if (!packages.ready) throw new Error(`no engine of our own: ${packages.reason}`);
  return await withServices({ ownOnly: true }, async ({ env, reason }) => {
    if (reason !== undefined) throw new Error(reason);
    await pushDebianBases({ registry: env.MABUILD_TEST_MIRROR, cache, log: console.error });
    const folder = join(root, 'test', 'slow');
    const files = (await readdir(folder))
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => join(folder, name));
    return runInForeground(
      process.execPath,
      ['--conditions=@mabuild/source', '--import', 'tsx', 'scripts/lib/mocha.mjs', ...files],
      {
        cwd: root,
        env: { ...process.env, ...env, MABUILD_REQUIRE_SERVICES: '1' },
      },
    );
  });
});
