import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine, EngineInfo } from '@mabuild/core';
import { type CallOptions, type CredentialSource, type Memory, openMemory } from '@mabuild/oci';
import {
  type ConnectionOptions,
  createRegistryClient,
  createWebClient,
  type ManifestStore,
  type RegistryClient,
  type RegistryEvent,
  type WebClient,
} from '@mabuild/registry';
import { type Config, loadConfig, type RegistryConfig } from '../config.ts';
import { version } from '../version.ts';
import { writeWhole } from '../write-whole.ts';
import { certificateSource } from './certificates.ts';
import { type DockerConfig, readDockerConfig } from './credentials/docker-config.ts';
import { dockerConfigDirectory, type Environment, environmentOf, proxiesOf } from './environment.ts';

/** What every function of the SDK takes. */
export interface SdkOptions extends CallOptions {
  /** Parts of this process's environment to replace. */
  readonly environment?: Partial<Environment> | undefined;
  /** Instead of the nearest `mabuild.config.*`. */
  readonly config?: Config | undefined;
  /** Host to URLs that are read first; added to the configuration's. */
  readonly mirrors?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Instead of Docker's config.json. */
  readonly credentials?: CredentialSource | undefined;
  /** The module with which the embedded engine executes RUN. @default `mabuild/sandbox-helper` as the working directory finds it */
  readonly sandboxHelper?: URL | undefined;
  /** What the registry client tells: retries, waits, mirrors passed over. */
  readonly onRegistryEvent?: ((event: RegistryEvent) => void) | undefined;
}

/** The parts that functions of the SDK share, made once per call. */
export interface Toolbox {
  readonly sandboxHelper: URL | undefined;
  readonly environment: Environment;
  readonly config: Config;
  readonly dockerConfig: DockerConfig;
  readonly credentials: CredentialSource;
  readonly memory: Memory;
  /** OCI layout of blobs that were exported and compressed before. */
  readonly blobDirectory: string;
  /** A client that reads through the mirrors of the options, the configuration and, when given, the engine. */
  registry(engine?: EngineInfo): Promise<RegistryClient>;
  /** Reads public pages, over the same proxies as registries. */
  web(): WebClient;
  openEngine(): Promise<Engine>;
}

/** Reads configuration and credentials, lends the parts to `use`, and closes what was opened. */
export async function withToolbox<T>(options: SdkOptions, use: (toolbox: Toolbox) => Promise<T>): Promise<T> {
  const environment = environmentOf(options.environment);
  const directory = dockerConfigDirectory(environment);
  const [config, dockerConfig] = await Promise.all([
    options.config ?? loadConfig({ directory: environment.workingDirectory }),
    readDockerConfig({
      directory,
      environment: environment.variables,
      homeDirectory: environment.homeDirectory,
    }),
  ]);
  const credentials = options.credentials ?? dockerConfig.credentials;
  const memory = openMemory(join(environment.cacheDirectory, 'memory'));
  const open: { close(): Promise<void> }[] = [];
  const keep = <C extends { close(): Promise<void> }>(closable: C): C => {
    open.push(closable);
    return closable;
  };
  const connections: ConnectionOptions = {
    insecure: insecureHosts(config.registries),
    certificates: certificateSource(config.registries, environment),
    proxies: proxiesOf(environment),
    userAgent: `mabuild/${version}`,
  };
  try {
    return await use({
      sandboxHelper: options.sandboxHelper,
      environment,
      config,
      dockerConfig,
      credentials,
      memory,
      blobDirectory: join(environment.cacheDirectory, 'content'),
      registry: async (engine) =>
        keep(
          createRegistryClient({
            ...connections,
            credentials,
            mirrors: mergeMirrors(config.registries, options.mirrors, engine),
            manifestStore: manifestStore(join(environment.cacheDirectory, 'manifests')),
            onEvent: options.onRegistryEvent,
          }),
        ),
      web: () => keep(createWebClient(connections)),
      openEngine: async () => {
        // What only copies images does without the rest of core, which takes longer to load than a tag to look at.
        const { detectEngine } = await import('@mabuild/core');
        return keep(
          await detectEngine({
            environment: environment.variables,
            homeDirectory: environment.homeDirectory,
            platform: environment.operatingSystem,
            kernelRelease: environment.kernelRelease,
            memory,
            dockerConfig: { directory, currentContext: dockerConfig.currentContext },
            signal: options.signal,
          }),
        );
      },
    });
  } finally {
    await Promise.all(open.map((closable) => closable.close()));
  }
}

function mergeMirrors(
  registries: Readonly<Record<string, RegistryConfig>> | undefined,
  given: Readonly<Record<string, readonly string[]>> | undefined,
  engine: EngineInfo | undefined,
): Record<string, readonly string[]> {
  const merged: Record<string, readonly string[]> = {};
  const add = (host: string, urls: readonly string[] | undefined): void => {
    if (urls && urls.length > 0) merged[host] = [...new Set([...(merged[host] ?? []), ...urls])];
  };
  for (const [host, urls] of Object.entries(given ?? {})) add(host, urls);
  for (const [host, registry] of Object.entries(registries ?? {})) add(host, registry.mirrors);
  // The loopback of an engine that runs elsewhere is not ours.
  if (engine)
    add(
      'docker.io',
      engine.mirrors.filter((url) => engine.local || !isLoopback(url)),
    );
  return merged;
}

function isLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

function insecureHosts(registries: Readonly<Record<string, RegistryConfig>> | undefined): readonly string[] {
  return Object.entries(registries ?? {})
    .filter(([, registry]) => registry.insecure)
    .map(([host]) => host);
}

/** Manifests by digest on disk: an index that did not change costs a HEAD and no pull from a rate-limited registry. */
function manifestStore(directory: string): ManifestStore {
  const fileOf = (digest: string): string => join(directory, digest.replace(':', '-'));
  return {
    async get(digest) {
      return readFile(fileOf(digest)).catch(() => undefined);
    },
    async set(digest, bytes) {
      try {
        await mkdir(directory, { recursive: true });
        await writeWhole(fileOf(digest), bytes);
      } catch {
        // Without a place to remember them, manifests are read again.
      }
    },
  };
}
