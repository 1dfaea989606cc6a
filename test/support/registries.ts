import { Readable } from 'node:stream';
import { type Credential, type Descriptor, digestOf, type ImageReference, mediaTypes } from '@mabuild/oci';
import {
  createRegistryClient,
  type RegistryClient,
  type RegistryEvent,
  type RegistryOptions,
} from '@mabuild/registry';
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from '@mabuild/registry/testing';
import { closedAfterEach } from './closed-after-each.ts';

/** Who may sign in where a test asks for that. */
export const registryUser = { username: 'ci', password: 'a very secret word' } as const;

/** Addresses, for faults. */
export const manifestUrls: RegExp = /\/manifests\//;
export const uploadUrls: RegExp = /\/blobs\/uploads\//;
export const blobUrls: RegExp = /\/blobs\/sha256:/;

/** What makes registries and clients that are closed after each test. */
export interface Registries {
  registryWith(options?: TestRegistryOptions): Promise<TestRegistry>;
  clientWith(options?: RegistryOptions): RegistryClient & { readonly events: RegistryEvent[] };
  /** A registry that has a blob and a manifest in `team/app`. */
  published(
    bytes: Buffer,
    options?: TestRegistryOptions,
  ): Promise<{ readonly registry: TestRegistry; readonly blob: Descriptor }>;
}

/** To be called in a `describe`. */
export function useRegistries(): Registries {
  const keep = closedAfterEach();
  const registryWith = async (options: TestRegistryOptions = {}): Promise<TestRegistry> => {
    return keep(await startTestRegistry(options));
  };
  return {
    registryWith,
    async published(bytes, options = {}) {
      const registry = await registryWith({ strict: false, ...options });
      registry.addBlob('team/app', bytes);
      registry.addManifest('team/app', 'latest', mediaTypes.ociManifest, Buffer.from('{"schemaVersion":2}'));
      return { registry, blob: blobOf(bytes) };
    },
    clientWith(options = {}) {
      const events: RegistryEvent[] = [];
      const client = createRegistryClient({
        retry: { baseDelay: 1 },
        onEvent: (event) => events.push(event),
        ...options,
      });
      keep(client);
      return Object.assign(client, { events });
    },
  };
}

/** Options of a client that is signed in at one host. */
export function signedIn(
  host: string,
  credential: Credential = { kind: 'basic', ...registryUser },
): RegistryOptions {
  return { credentials: { credentialFor: async (asked) => (asked === host ? credential : undefined) } };
}

export function at({ host }: TestRegistry, repository = 'team/app'): ImageReference {
  return { registry: host, repository, tag: 'latest' };
}

export function blobOf(bytes: Buffer): Descriptor {
  return { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(bytes), size: bytes.length };
}

/** Opens a body that comes bit by bit. */
export function inSlices(bytes: Buffer): () => Promise<Readable> {
  return async () => {
    async function* slices(): AsyncGenerator<Buffer> {
      for (let from = 0; from < bytes.length; from += 65_536) {
        yield bytes.subarray(from, from + 65_536);
        await new Promise(setImmediate);
      }
    }
    return Readable.from(slices(), { objectMode: false });
  };
}
