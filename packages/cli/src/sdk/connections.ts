import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineInfo } from '@mabuild/core';
import type { CredentialSource } from '@mabuild/oci';
import {
  type ConnectionOptions,
  createRegistryClient,
  createWebClient,
  type ManifestStore,
  type RegistryClient,
  type RegistryEvent,
  type WebClient,
} from '@mabuild/registry';
import type { Config, RegistryConfig } from '../config.ts';
import { version } from '../version.ts';
import { writeWhole } from '../write-whole.ts';
import { certificateSource } from './certificates.ts';
import { type Environment, proxiesOf } from './environment.ts';

export interface ClientRequest {
  readonly environment: Environment;
  readonly config: Config;
  readonly credentials: CredentialSource;
  /** Host to URLs that are read first; added to the configuration's. */
  readonly mirrors: Readonly<Record<string, readonly string[]>> | undefined;
  /** Its mirrors are read too. */
  readonly engine: EngineInfo | undefined;
  readonly onEvent: ((event: RegistryEvent) => void) | undefined;
}

/** A client of registries, as the configuration says how they are reached. */
export function registryClient(request: ClientRequest): RegistryClient {
  const { environment, config, credentials, mirrors, engine, onEvent } = request;
  return createRegistryClient({
    ...connectionOptions(request),
    credentials,
    mirrors: mergeMirrors(config.registries, mirrors, engine),
    manifestStore: manifestStore(join(environment.cacheDirectory, 'manifests')),
    onEvent,
  });
}

/** Reads public pages, over the same proxies as registries. */
export function webClient(request: Pick<ClientRequest, 'environment' | 'config'>): WebClient {
  return createWebClient(connectionOptions(request));
}

function connectionOptions({
  environment,
  config,
}: Pick<ClientRequest, 'environment' | 'config'>): ConnectionOptions {
  return {
    insecure: insecureHosts(config.registries),
    certificates: certificateSource(config.registries, environment),
    proxies: proxiesOf(environment),
    userAgent: `mabuild/${version}`,
  };
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
