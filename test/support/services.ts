import type { Suite } from 'mocha';

/** Where the engine and registries of this test run are; `scripts/test.mjs` starts them. */
export interface Services {
  /** Docker Engine, `unix://…`. It has no bridge: builds and containers use the host's network. */
  readonly dockerHost: string;
  /** docker.io's stand-in, an http:// URL; absent where docker.io itself serves `busybox`. */
  readonly mirror: string | undefined;
  /** A registry without a password, `127.0.0.1:PORT`, plain http like the others unless said. */
  readonly registry: string;
  /** Folder where {@link Services.registry} keeps its files. */
  readonly registryData: string;
  /** A registry with basic authentication for {@link Services.user}. */
  readonly authRegistry: string;
  /** The same behind TLS, with a certificate of its own that `tlsCertificate` holds. */
  readonly tlsRegistry: string;
  /** Path of the PEM file. */
  readonly tlsCertificate: string;
  /** A registry behind TLS that lets in only who has a certificate of its authority. */
  readonly mutualRegistry: string;
  /** Folder with that authority, `ca.pem`, and the caller's `client.pem` and `client-key.pem`. */
  readonly mutualCertificates: string;
  /** A registry with token authentication; names under `public/` may be pulled without a user. */
  readonly tokenRegistry: string;
  readonly user: string;
  readonly password: string;
}

/** The services of this run, or undefined. */
export function findServices(): Services | undefined {
  const { env } = process;
  const dockerHost = env.MABUILD_TEST_DOCKER_HOST;
  const registry = env.MABUILD_TEST_REGISTRY;
  if (!dockerHost || !registry || !env.MABUILD_TEST_REGISTRY_AUTH) return undefined;
  return {
    dockerHost,
    registry,
    registryData: env.MABUILD_TEST_REGISTRY_DATA ?? '',
    mirror: env.MABUILD_TEST_MIRROR,
    authRegistry: env.MABUILD_TEST_REGISTRY_AUTH,
    tlsRegistry: env.MABUILD_TEST_REGISTRY_TLS ?? '',
    tlsCertificate: env.MABUILD_TEST_REGISTRY_TLS_CA ?? '',
    mutualRegistry: env.MABUILD_TEST_REGISTRY_MUTUAL ?? '',
    mutualCertificates: env.MABUILD_TEST_REGISTRY_MUTUAL_CERTIFICATES ?? '',
    tokenRegistry: env.MABUILD_TEST_REGISTRY_TOKEN ?? '',
    user: env.MABUILD_TEST_REGISTRY_USER ?? '',
    password: env.MABUILD_TEST_REGISTRY_PASSWORD ?? '',
  };
}

/** A Docker Engine newer than the machine's own, which `scripts/with-newer-engines.mjs` starts. */
export interface NewerEngine {
  readonly store: 'graphdriver' | 'containerd';
  /** `unix://…`. */
  readonly host: string;
}

/** The newer engines of this run, if any. */
export function findNewerEngines(): readonly NewerEngine[] {
  const {
    MABUILD_TEST_NEWER_DOCKER_HOST: graphdriver,
    MABUILD_TEST_NEWER_DOCKER_HOST_CONTAINERD: containerd,
  } = process.env;
  return [
    ...(graphdriver ? [{ store: 'graphdriver', host: graphdriver } as const] : []),
    ...(containerd ? [{ store: 'containerd', host: containerd } as const] : []),
  ];
}

/**
 * A mocha suite that needs the services; without them it is skipped with the reason in its title.
 *
 * @throws Error when MABUILD_REQUIRE_SERVICES is set and there are none.
 */
export function servicesDescribe(title: string, body: (this: Suite, services: Services) => void): void {
  const services = findServices();
  if (services !== undefined) {
    describe(title, function () {
      body.call(this, services);
    });
    return;
  }
  if (process.env.MABUILD_REQUIRE_SERVICES) {
    throw new Error(`${title}: needs the services that scripts/test.mjs starts, and there are none`);
  }
  describe(title, () => {
    it('skipped: needs the engine and registries that `npm test` starts, on Debian as root');
  });
}

/** Debian's newest Docker Engine, which the conformance table is held against. */
export interface NewestEngine {
  /** `unix://…`. */
  readonly host: string;
  /** The folder that it runs out of, see `commandInRoot`. */
  readonly root: string;
}

/** The newest engine of this run, if it could be fetched. */
export function findNewestEngine(): NewestEngine | undefined {
  const { MABUILD_TEST_NEWEST_DOCKER_HOST: host, MABUILD_TEST_NEWEST_ROOT: root } = process.env;
  return host && root ? { host, root } : undefined;
}
