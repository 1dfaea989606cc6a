/**
 * node scripts/with-newer-engines.mjs [--suite trixie|forky] [--main graphdriver|containerd] COMMAND [ARG…]
 *
 * Runs a command while the services of the tests are up and, beside them, two newer Docker Engines out of another Debian
 * release: MABUILD_TEST_NEWER_DOCKER_HOST keeps images with a graph driver, MABUILD_TEST_NEWER_DOCKER_HOST_CONTAINERD with
 * containerd. With --main that one is the engine of all end-to-end tests. Needs Debian and root; the packages (70 MB) are
 * fetched once.
 */
import { parseArgs } from 'node:util';
import { main } from './lib/main.mjs';
import { runInForeground } from './lib/process.mjs';
import { withServices } from './lib/with-services.mjs';
import { setup } from './lib/workspace.mjs';

await main(async () => {
  const { suite, store, command, args } = readArguments(process.argv.slice(2));
  await setup();
  return await withServices({ ownOnly: true, newer: suite }, ({ env, reason }) => {
    if (reason !== undefined) throw new Error(reason);
    const host =
      store === 'graphdriver'
        ? env.MABUILD_TEST_NEWER_DOCKER_HOST
        : store === 'containerd'
          ? env.MABUILD_TEST_NEWER_DOCKER_HOST_CONTAINERD
          : env.MABUILD_TEST_DOCKER_HOST;
    return runInForeground(command, args, {
      env: {
        ...process.env,
        ...env,
        MABUILD_TEST_DOCKER_HOST: host,
        DOCKER_HOST: host,
        MABUILD_REQUIRE_SERVICES: '1',
      },
    });
  });
});

/** Our own flags come first; the rest is the command's. */
function readArguments(given) {
  const flags = ['--suite', '--main'];
  let own = 0;
  while (flags.includes(given[own])) own += 2;
  const [command, ...args] = given.slice(own);
  const { values } = parseArgs({
    args: given.slice(0, own),
    options: { suite: { type: 'string', default: 'trixie' }, main: { type: 'string' } },
  });
  const known = [undefined, 'graphdriver', 'containerd'].includes(values.main);
  if (command === undefined || !known)
    throw new Error(
      'usage: node scripts/with-newer-engines.mjs [--suite NAME] [--main graphdriver|containerd] COMMAND [ARG…]',
    );
  return { suite: values.suite, store: values.main, command, args };
}
