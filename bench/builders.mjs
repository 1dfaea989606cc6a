import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newerEngineRoot, startNewerEngine } from '../scripts/lib/newer-engine.mjs';
import { removeTree } from '../scripts/lib/remove-tree.mjs';
import { run, which } from '../scripts/lib/run.mjs';
import { openCpuGroup } from './cpu.mjs';
import { timeCommand } from './measure.mjs';

/** What every builder builds. */
export const platforms = 'linux/amd64,linux/arm64,linux/arm/v7';

/**
 * The embedded engine and its peers. Each builds and pushes in a line or two, tells wall-clock and processor seconds, and
 * can forget all it knows.
 *
 * @param {{ dir: string, mirror: string, mabuild: readonly string[], cache: string, log: (line: string) => void }} options
 *   `mirror`: URL that stands in for docker.io; `cache`: folder that keeps packages of peers between runs
 * @returns {Promise<readonly Builder[]>}
 * @typedef {{ seconds: number, cpu: number | undefined }} Cost
 * @typedef {{ key: string, name: string, forget(): Promise<void>, close(): Promise<void>,
 *   build(request: { context: string, image: string, noCache?: boolean }): Promise<Cost> }} Builder
 */
export async function openBuilders({ dir, mirror, mabuild, cache, log }) {
  const builders = [await embedded({ dir: join(dir, 'mabuild'), mirror, mabuild })];
  try {
    if (await which('buildah')) builders.push(await buildah({ dir: join(dir, 'buildah'), mirror }));
    builders.push(await buildx({ dir: join(dir, 'buildx'), mirror, cache, log }));
  } catch (error) {
    log(`dockerd with buildx: ${error.message.split('\n')[0]}`);
  }
  return builders;
}

/** Runs command lines one after the other; what they cost together. */
async function costOf(lines, { env, group }) {
  const before = await group?.seconds();
  let seconds = 0;
  for (const line of lines) seconds += await timeCommand(group ? group.lineOf(line) : line, { env });
  const after = await group?.seconds();
  return { seconds, cpu: before === undefined || after === undefined ? undefined : after - before };
}

async function embedded({ dir, mirror, mabuild }) {
  await mkdir(dir, { recursive: true });
  const config = join(dir, 'mabuild.config.json');
  await writeFile(config, JSON.stringify({ registries: { 'docker.io': { mirrors: [mirror] } } }));
  const env = {
    ...process.env,
    DOCKER_CONFIG: join(dir, 'docker'),
    MABUILD_CACHE: join(dir, 'cache'),
    // Nobody answers here.
    DOCKER_HOST: `unix://${join(dir, 'none.sock')}`,
  };
  const group = await openCpuGroup('mabuild');
  return {
    key: 'mabuild',
    name: 'mabuild, embedded engine',
    forget: () => removeTree(join(dir, 'cache')),
    close: async () => await group?.close(),
    build: ({ context, image, noCache = false }) =>
      costOf(
        [
          [
            ...[...mabuild, 'build', '--config', config, '--engine', 'embedded', '--platform', platforms],
            ...[...(noCache ? ['--no-cache'] : []), '--push', '-t', image, context],
          ],
        ],
        { env, group },
      ),
  };
}

async function buildah({ dir, mirror }) {
  await mkdir(dir, { recursive: true });
  const registries = join(dir, 'registries.conf');
  await writeFile(
    registries,
    [
      'unqualified-search-registries = ["docker.io"]',
      '[[registry]]\nlocation = "docker.io"',
      `[[registry.mirror]]\nlocation = "${mirror.replace('http://', '')}"\ninsecure = true`,
    ].join('\n'),
  );
  const policy = join(dir, 'policy.json');
  await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  const env = { ...process.env, CONTAINERS_REGISTRIES_CONF: registries };
  const group = await openCpuGroup('buildah');
  const kept = join(dir, 'store');
  const store = ['buildah', '--root', join(kept, 'root'), '--runroot', join(kept, 'run')];
  const forget = () => removeTree(kept);
  let count = 0;
  return {
    key: 'buildah',
    name: 'buildah, chroot, root',
    forget,
    async close() {
      await forget();
      await group?.close();
    },
    build({ context, image, noCache = false }) {
      count += 1;
      const list = `bench-list-${count}`;
      const cache = noCache ? '--no-cache' : '--layers';
      return costOf(
        [
          [
            ...[...store, 'build', '--isolation', 'chroot', '--signature-policy', policy, cache],
            ...['--platform', platforms, '--manifest', list, context],
          ],
          [
            ...[...store, 'manifest', 'push', '--all', '--tls-verify=false', '--signature-policy', policy],
            ...[list, `docker://${image}`],
          ],
        ],
        { env, group },
      );
    },
  };
}

/** The newest Docker Engine of Debian, with containerd's image store, and its buildx. */
async function buildx({ dir, mirror, cache, log }) {
  const root = await newerEngineRoot('forky', { cache, log });
  const engine = await startNewerEngine('dockerd', { root, dir, store: 'containerd', mirror });
  const group = await openCpuGroup('dockerd');
  const close = async () => {
    await engine.stop();
    await group?.close();
  };
  try {
    await group?.adopt(Number(await readFile(join(dir, 'dockerd', 'dockerd.pid'), 'utf8')));
    const program = join(root, 'usr/libexec/docker/cli-plugins/docker-buildx');
    const env = { ...process.env, DOCKER_HOST: engine.host, DOCKER_CONFIG: join(dir, 'docker') };
    const version = /\d\S*/.exec(await run(program, ['version']))?.[0];
    return {
      key: 'buildx',
      name: `dockerd, buildx ${version}`,
      forget: async () => {
        await run(program, ['prune', '--all', '--force'], { env });
        await run('docker', ['image', 'prune', '--all', '--force'], { env });
      },
      close,
      build: ({ context, image, noCache = false }) =>
        costOf(
          [
            [
              ...[program, 'build', '--platform', platforms, '--network', 'host', '--provenance=false'],
              ...[...(noCache ? ['--no-cache'] : []), '--push', '-t', image, context],
            ],
          ],
          { env, group },
        ),
    };
  } catch (error) {
    await close();
    throw error;
  }
}
