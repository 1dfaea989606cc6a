import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pushBaseImages } from './base-images.mjs';
import { enableEmulation } from './binfmt.mjs';
import { engineAnswers } from './engine-answers.mjs';
import { newerEngineRoot, startNewerEngine } from './newer-engine.mjs';
import { startProcess, tail } from './process.mjs';
import { startRegistry, testUser } from './registries.mjs';
import { removeTree } from './remove-tree.mjs';
import { run } from './run.mjs';
import { startTokenServer } from './token-server.mjs';

/**
 * Starts a Docker Engine and registries of our own: loopback ports, private data folders, nothing shared with an engine
 * that the machine may have. Needs root and the packages of `ensurePackages`.
 *
 * docker.io's names are served by a mirror that holds base images made from Debian's busybox packages.
 *
 * @param {{ cache: string, log?: (line: string) => void, only?: 'demo', newer?: string, newest?: boolean }} options
 *   `cache`: folder that keeps Debian packages; `only: 'demo'` leaves out the registries with a password; `newer` is a
 *   Debian release whose engine is started too, once with each image store; `newest` starts Debian's newest one, and
 *   what cannot be fetched is left out
 * @returns {Promise<{ env: Record<string, string>, dir: string, stop(): Promise<void> }>} `env` is what tests read
 */
export async function startServices({ cache, log = () => {}, only, newer, newest = false }) {
  const dir = await mkdtemp(join(tmpdir(), 'mabuild-services-'));
  const stops = [];
  let stopping;
  function stop() {
    stopping ??= stopAll(stops, dir);
    return stopping;
  }
  // A second signal ends the process at once; what runs gets SIGTERM then, see startProcess.
  const onSignal = (signal) => {
    log(`stopping after ${signal}`);
    stop().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  stops.push(async () => process.off('SIGINT', onSignal).off('SIGTERM', onSignal));

  const engineLog = join(dir, 'dockerd.log');
  try {
    await enableEmulation();
    const started = async (promise) => {
      const service = await promise;
      stops.push(() => service.stop());
      return service;
    };
    const mirror = await started(startRegistry('mirror', { dir }));
    const [registry, engine] = await Promise.all([
      started(startRegistry('plain', { dir })),
      started(startEngine({ dir, log: engineLog, mirror: mirror.url })),
      pushBaseImages({ registry: mirror.url, cache }),
    ]);
    const env = {
      MABUILD_TEST_DOCKER_HOST: engine.host,
      MABUILD_TEST_MIRROR: mirror.url,
      MABUILD_TEST_REGISTRY: registry.host,
      MABUILD_TEST_REGISTRY_DATA: registry.data,
    };
    if (only === 'demo') return { env, dir, stop };
    if (newer !== undefined) {
      const root = await newerEngineRoot(newer, { cache, log });
      const start = (store) =>
        started(startNewerEngine(store, { root, dir: join(dir, 'newer'), store, mirror: mirror.url }));
      const [graphdriver, containerd] = await Promise.all([start('graphdriver'), start('containerd')]);
      env.MABUILD_TEST_NEWER_DOCKER_HOST = graphdriver.host;
      env.MABUILD_TEST_NEWER_DOCKER_HOST_CONTAINERD = containerd.host;
    }
    if (newest) {
      try {
        const root = await newerEngineRoot('forky', { cache, log });
        const options = { root, dir: join(dir, 'newest'), store: 'containerd', mirror: mirror.url };
        const { host } = await started(startNewerEngine('newest', options));
        Object.assign(env, { MABUILD_TEST_NEWEST_DOCKER_HOST: host, MABUILD_TEST_NEWEST_ROOT: root });
      } catch (error) {
        log(`going on without Debian's newest Docker Engine: ${error.message}`);
      }
    }

    const tls = await makeCertificate(dir);
    const tokens = await startTokenServer({
      key: await readFile(tls.key, 'utf8'),
      certificate: await readFile(tls.certificate, 'utf8'),
      issuer: 'mabuild-tests',
      user: testUser.name,
      password: testUser.password,
    });
    stops.push(() => tokens.close());
    const realm = `http://127.0.0.1:${tokens.port}/token`;
    const known = await makeAuthority(join(dir, 'authority'));
    const [auth, secure, mutual, token] = await Promise.all([
      started(startRegistry('auth', { dir, htpasswd: true })),
      started(startRegistry('tls', { dir, htpasswd: true, tls })),
      started(
        startRegistry('mutual', {
          dir,
          tls: { ...known.server, client: { ...known.client, authority: known.authority } },
        }),
      ),
      started(
        startRegistry('token', {
          dir,
          token: { realm, issuer: 'mabuild-tests', certificate: tls.certificate },
        }),
      ),
    ]);
    Object.assign(env, {
      MABUILD_TEST_REGISTRY_AUTH: auth.host,
      MABUILD_TEST_REGISTRY_TLS: secure.host,
      MABUILD_TEST_REGISTRY_TLS_CA: tls.certificate,
      MABUILD_TEST_REGISTRY_MUTUAL: mutual.host,
      MABUILD_TEST_REGISTRY_MUTUAL_CERTIFICATES: join(dir, 'authority'),
      MABUILD_TEST_REGISTRY_TOKEN: token.host,
      MABUILD_TEST_REGISTRY_USER: testUser.name,
      MABUILD_TEST_REGISTRY_PASSWORD: testUser.password,
    });
    return { env, dir, stop };
  } catch (error) {
    const last = await tail(engineLog);
    await stop();
    if (last !== '') log(`the engine's last words:\n${last}`);
    throw error;
  }
}

async function startEngine({ dir, log, mirror }) {
  const socket = join(dir, 'docker.sock');
  await mkdir(join(dir, 'engine'), { recursive: true });
  const engine = await startProcess(
    'dockerd',
    'dockerd',
    [
      // No bridge and no firewall rules: the machine's network stays as it is. Builds use the host's network.
      ...['--bridge=none', '--iptables=false', '--ip6tables=false'],
      ...['--data-root', join(dir, 'engine', 'data'), '--exec-root', join(dir, 'engine', 'exec')],
      ...['--pidfile', join(dir, 'dockerd.pid'), '-H', `unix://${socket}`],
      ...['--registry-mirror', mirror, '--shutdown-timeout', '2'],
    ],
    // An engine configuration of the machine is not ours.
    { log, env: { DOCKER_CONFIG: join(dir, 'engine') } },
  );
  const stop = () => engine.stop();
  try {
    await engine.ready(() => engineAnswers(socket));
  } catch (error) {
    await stop();
    throw error;
  }
  return { host: `unix://${socket}`, stop };
}

async function makeCertificate(dir) {
  const key = join(dir, 'key.pem');
  const certificate = join(dir, 'certificate.pem');
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', certificate],
  ]);
  return { key, certificate };
}

/**
 * A certificate authority, and a server and a client whose certificates it signed: ca.pem, server.pem, client.pem, and
 * the keys NAME-key.pem.
 */
async function makeAuthority(dir) {
  await mkdir(dir);
  const path = (name) => join(dir, `${name}.pem`);
  const authority = path('ca');
  const pair = (name) => ({ key: path(`${name}-key`), certificate: path(name) });
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  await run('openssl', [
    ...request,
    ...['-subj', '/CN=mabuild tests', '-keyout', path('ca-key'), '-out', authority],
    ...['-addext', 'basicConstraints=critical,CA:TRUE'],
  ]);
  for (const name of ['server', 'client']) {
    const { key, certificate } = pair(name);
    await run('openssl', [
      ...request,
      ...['-subj', `/CN=${name}`, '-CA', authority, '-CAkey', path('ca-key'), '-keyout', key],
      ...['-out', certificate, '-addext', 'basicConstraints=critical,CA:FALSE'],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ]);
  }
  return { authority, server: pair('server'), client: pair('client') };
}

async function stopAll(stops, dir) {
  for (const stop of [...stops].reverse()) await stop().catch((error) => console.error(error));
  await removeTree(dir);
}
