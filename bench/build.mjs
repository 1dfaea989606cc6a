import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, which } from '../scripts/lib/run.mjs';
import { countBytesTo, inTurns, printTable, timeCommand } from './measure.mjs';
import { makeSmallContext } from './small-context.mjs';

const platforms = 'linux/amd64,linux/arm64,linux/arm/v7';

/**
 * The same three-platform context, built and pushed by mabuild, buildah and, where the machine has it, docker buildx.
 *
 * @param {{ dir: string, env: Record<string, string>, mabuild: readonly string[], rounds: number }} options
 */
export async function benchBuild({ dir, env, mabuild, rounds }) {
  const context = await makeSmallContext(join(dir, 'context'));
  const counter = await countBytesTo(env.MABUILD_TEST_REGISTRY);
  try {
    const tools = [
      mabuildTool({ dir, env, mabuild, context }),
      ...((await which('buildah')) ? [await buildahTool({ dir, env, context })] : []),
    ];
    // Base images are pulled and caches filled before anything counts.
    const warmUp = (tool) =>
      tool.build(`${env.MABUILD_TEST_REGISTRY}/bench/warm-up:${tool.key}`, { cold: false });
    for (const tool of tools) await warmUp(tool);
    if (await hasBuildx(env)) {
      const buildx = buildxTool({ env, context });
      await warmUp(buildx).then(
        () => tools.push(buildx),
        (error) => console.log(`docker buildx cannot do it here: ${error.message.split('\n').at(-1)}`),
      );
    }

    const cold = await inTurns(
      Object.fromEntries(
        tools.map((tool) => [
          tool.name,
          (round) =>
            tool.build(`${env.MABUILD_TEST_REGISTRY}/bench/cold-${tool.key}-${round}:1`, { cold: true }),
        ]),
      ),
      rounds,
    );
    printTable('build --push, three platforms, nothing cached', cold);

    const cached = await inTurns(
      Object.fromEntries(
        tools.map((tool) => [
          tool.name,
          () => tool.build(`${env.MABUILD_TEST_REGISTRY}/bench/warm-up:${tool.key}`, { cold: false }),
        ]),
      ),
      rounds,
    );
    printTable('build --push again, everything cached', cached);

    console.log('\nbytes sent to the registry by a push (all requests, headers too)');
    for (const tool of tools) {
      const before = counter.sent();
      await tool.build(`${counter.host}/bench/bytes-${tool.key}:1`, { cold: false });
      const first = counter.sent() - before;
      await tool.build(`${counter.host}/bench/bytes-${tool.key}:1`, { cold: false });
      const again = counter.sent() - before - first;
      // Every layer, the base's too, is in the registry by now: what is sent here should have been mounted.
      await tool.build(`${counter.host}/bench/bytes-${tool.key}-neighbour:1`, { cold: false });
      const neighbour = counter.sent() - before - first - again;
      console.log(
        `  ${tool.name.padEnd(24)} new to the registry ${first}, the same again ${again}, another repository ${neighbour}`,
      );
    }
  } finally {
    await counter.close();
  }
}

function mabuildTool({ dir, env, mabuild, context }) {
  const own = {
    ...process.env,
    DOCKER_HOST: env.MABUILD_TEST_DOCKER_HOST,
    DOCKER_CONFIG: join(dir, 'docker'),
    MABUILD_CACHE: join(dir, 'cache'),
  };
  return {
    key: 'mabuild',
    name: 'mabuild build --push',
    build: (image, { cold }) =>
      timeCommand(
        [
          ...mabuild,
          'build',
          ...(cold ? ['--no-cache'] : []),
          '--platform',
          platforms,
          '--push',
          '-t',
          image,
          context,
        ],
        { env: own },
      ),
  };
}

async function buildahTool({ dir, env, context }) {
  const registries = join(dir, 'registries.conf');
  const insecure = (host) => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`;
  const mirror = env.MABUILD_TEST_MIRROR.replace('http://', '');
  await writeFile(
    registries,
    [
      'unqualified-search-registries = ["docker.io"]',
      '[[registry]]\nlocation = "docker.io"',
      `[[registry.mirror]]\nlocation = "${mirror}"\ninsecure = true`,
      insecure(env.MABUILD_TEST_REGISTRY),
    ].join('\n'),
  );
  const policy = join(dir, 'policy.json');
  await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  const store = ['--root', join(dir, 'buildah', 'root'), '--runroot', join(dir, 'buildah', 'run')];
  const options = { env: { ...process.env, CONTAINERS_REGISTRIES_CONF: registries } };
  let count = 0;
  return {
    key: 'buildah',
    name: 'buildah build + push',
    async build(image, { cold }) {
      count += 1;
      const list = `bench-list-${count}`;
      const built = await timeCommand(
        [
          ...['buildah', ...store, 'build', '--isolation', 'chroot', '--signature-policy', policy],
          ...[cold ? '--no-cache' : '--layers', '--platform', platforms, '--manifest', list, context],
        ],
        options,
      );
      const pushed = await timeCommand(
        [
          ...[
            'buildah',
            ...store,
            'manifest',
            'push',
            '--all',
            '--tls-verify=false',
            '--signature-policy',
            policy,
          ],
          ...[list, `docker://${image}`],
        ],
        options,
      );
      return built + pushed;
    },
  };
}

async function hasBuildx(env) {
  return run('docker', ['buildx', 'version'], { env: { DOCKER_HOST: env.MABUILD_TEST_DOCKER_HOST } }).then(
    () => true,
    () => false,
  );
}

/** With the builder that is chosen on this machine; not every one can push a list. */
function buildxTool({ env, context }) {
  const options = { env: { ...process.env, DOCKER_HOST: env.MABUILD_TEST_DOCKER_HOST } };
  return {
    key: 'buildx',
    name: 'docker buildx build --push',
    build: (image, { cold }) =>
      timeCommand(
        [
          ...['docker', 'buildx', 'build', ...(cold ? ['--no-cache'] : []), '--platform', platforms],
          ...['--network', 'host', '--push', '-t', image, context],
        ],
        options,
      ),
  };
}
