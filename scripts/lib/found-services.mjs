import { pause } from './process.mjs';
import { run, which } from './run.mjs';

/**
 * Where no engine of our own can be started: the Docker Engine that the docker command reaches, and a registry in a
 * container of it. docker.io's names come from Docker Hub then.
 *
 * @param {{ log?: (line: string) => void }} [options]
 * @returns {Promise<{ env: Record<string, string>, stop(): Promise<void> } | undefined>} undefined: no engine found
 */
export async function findServices({ log = () => {} } = {}) {
  if ((await which('docker')) === undefined) return undefined;
  const reachable = await run('docker', ['version', '--format', '{{.Server.Version}}']).catch(
    () => undefined,
  );
  if (reachable === undefined) return undefined;
  const host = process.env.DOCKER_HOST ?? (await contextHost());
  log(`using the Docker Engine ${reachable.trim()} at ${host}`);
  const id = (await run('docker', ['run', '-d', '--rm', '-p', '127.0.0.1::5000', 'registry:2'])).trim();
  const stop = async () => {
    await run('docker', ['rm', '-f', '-v', id]).catch(() => {});
  };
  const onSignal = (signal) => {
    stop().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    const registry = (await run('docker', ['port', id, '5000/tcp'])).trim().split('\n')[0] ?? '';
    for (let tries = 100; !(await fetch(`http://${registry}/v2/`).catch(() => undefined))?.ok; tries--) {
      if (tries === 0) throw new Error(`the registry in container ${id.slice(0, 12)} does not answer`);
      await pause(100);
    }
    return { env: { MABUILD_TEST_DOCKER_HOST: host, MABUILD_TEST_REGISTRY: registry }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function contextHost() {
  return (await run('docker', ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'])).trim();
}
