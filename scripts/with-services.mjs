/**
 * node scripts/with-services.mjs COMMAND [ARG…]
 *
 * Runs a command while the engine and registries of the tests are up, their addresses in its environment
 * (MABUILD_TEST_…); DOCKER_HOST is set too. For working on end-to-end tests.
 */
import { main } from './lib/main.mjs';
import { runInForeground } from './lib/process.mjs';
import { withServices } from './lib/with-services.mjs';
import { setup } from './lib/workspace.mjs';

await main(async () => {
  const [command, ...args] = process.argv.slice(2);
  if (command === undefined) throw new Error('usage: node scripts/with-services.mjs COMMAND [ARG…]');
  await setup();
  return await withServices({ ownOnly: true }, ({ env, reason }) => {
    if (reason !== undefined) throw new Error(reason);
    return runInForeground(command, args, {
      env: {
        ...process.env,
        ...env,
        DOCKER_HOST: env.MABUILD_TEST_DOCKER_HOST,
        MABUILD_REQUIRE_SERVICES: '1',
      },
    });
  });
});
