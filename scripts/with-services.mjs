/**
 * node scripts/with-services.mjs [--newest] COMMAND [ARG…]
 *
 * Runs a command while the engine and registries of the tests are up, their addresses in its environment
 * (MABUILD_TEST_…); DOCKER_HOST is set too. For working on end-to-end tests. With --newest Debian's newest Docker Engine
 * is up too, which the conformance table is held against.
 */
import { main } from './lib/main.mjs';
import { runInForeground } from './lib/process.mjs';
import { withServices } from './lib/with-services.mjs';
import { setup } from './lib/workspace.mjs';

await main(async () => {
  const given = process.argv.slice(2);
  const newest = given[0] === '--newest';
  const [command, ...args] = newest ? given.slice(1) : given;
  if (command === undefined)
    throw new Error('usage: node scripts/with-services.mjs [--newest] COMMAND [ARG…]');
  await setup();
  return await withServices({ ownOnly: true, newest }, ({ env, reason }) => {
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
