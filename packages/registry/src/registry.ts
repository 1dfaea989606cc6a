import { Readable } from 'node:stream';
import {
  type CallOptions,
  type CredentialSource,
  type Descriptor,
  formatReference,
  type ImageReference,
  type ImageResolver,
  type ImageSink,
  type ImageSource,
  isConfigType,
  MabuildError,
  type ReadOptions,
  withDigest,
} from '@mabuild/oci';
import { findBlob } from './blobs/blob-find.ts';
import { readBlob } from './blobs/blob-read.ts';
import { RegistryError } from './error.ts';
import type { OnRegistryEvent } from './event.ts';
import { signIn } from './host/sign-in.ts';
import { type ConnectionOptions, openTransport } from './http/connections.ts';
import { type RetryOptions, type RetryPolicy, retryPolicy } from './http/retry.ts';
import type { Transport } from './http/transport.ts';
import { listRepositories } from './lists/catalog.ts';
import type { ListOptions } from './lists/pages.ts';
import { listTags } from './lists/tags.ts';
import { type AskToPushOptions, askToPush } from './manifests/ask-to-push.ts';
import { changeReferrers, subjectOf } from './manifests/change-referrers.ts';
import { deleteManifest } from './manifests/delete.ts';
import { findManifest, getManifest, isStoredAsManifest } from './manifests/manifest.ts';
import { ManifestCache, type ManifestStore } from './manifests/manifest-cache.ts';
import { findReferrers, type ReferrersOptions } from './manifests/referrers.ts';
import { type Place, Places } from './places.ts';
import { RegistrySink } from './registry-sink.ts';

/** Every host key is `HOST` or `HOST:PORT` as references spell it, e.g. `docker.io`. */
export interface RegistryOptions extends ConnectionOptions {
  /** Who to sign in as; asked when a registry wants to know. @default nobody: anonymous */
  readonly credentials?: CredentialSource | undefined;
  /**
   * Addresses to read a registry's images through, in this order, before the registry itself: `https://HOST[/PREFIX]`,
   * or `http://…`. A mirror is never written to and gets only credentials of its own host.
   */
  readonly mirrors?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly retry?: RetryOptions | undefined;
  /** Remembers manifests and configs by digest between runs. */
  readonly manifestStore?: ManifestStore | undefined;
  readonly onEvent?: OnRegistryEvent | undefined;
}

export interface ResolveOptions extends CallOptions {
  /** Asks no mirror: what is about to be changed is read where it is changed. @default false */
  readonly pastMirrors?: boolean | undefined;
}

/** Registries, read and written. */
export interface RegistryClient extends ImageResolver {
  /** @see ImageResolver.resolve */
  resolve(reference: ImageReference, options?: ResolveOptions): Promise<ImageSource>;
  /**
   * The repository of a reference, to be written to; tag and digest of the reference do not matter.
   *
   * An aborted upload is cancelled at the registry before its promise rejects.
   */
  sink(repository: ImageReference): ImageSink;
  /**
   * The tags of a repository, page by page; tag and digest of the reference do not matter.
   * @throws RegistryError `REPOSITORY_NOT_FOUND`.
   */
  tags(repository: ImageReference, options?: ListOptions & ResolveOptions): AsyncIterable<string>;
  /**
   * The repositories of a registry (`localhost:5000`), page by page.
   * @throws RegistryError `REGISTRY_UNSUPPORTED` where the registry does not tell.
   */
  repositories(registry: string, options?: ListOptions): AsyncIterable<string>;
  /** What names the reference's digest as its subject: signatures, SBOMs, attestations. */
  referrers(
    reference: ImageReference,
    options?: ReferrersOptions & ResolveOptions,
  ): Promise<readonly Descriptor[]>;
  /**
   * Finds the blob that the reference's digest names; it is the root of the source.
   * @throws RegistryError `BLOB_NOT_FOUND`.
   */
  blob(reference: ImageReference, options?: CallOptions): Promise<ImageSource>;
  /**
   * Deletes the tag of a reference; or, where the reference has a digest, the manifest with every tag of it, and takes it
   * out of the list of referrers where the registry leaves that to its callers.
   * @throws RegistryError `IMAGE_NOT_FOUND`; `REGISTRY_UNSUPPORTED` where the registry cannot.
   */
  delete(reference: ImageReference, options?: CallOptions): Promise<void>;
  /**
   * Asks what a tag points at, as one who is going to write it: hears of what would keep a push from it while there is
   * nothing to send yet.
   * @returns `undefined`: it points at nothing.
   * @throws RegistryError `REGISTRY_UNREACHABLE`, `REGISTRY_UNAUTHORIZED`, `REGISTRY_DENIED`; others may pass.
   */
  askToPush(reference: ImageReference, options?: AskToPushOptions): Promise<Descriptor | undefined>;
  /**
   * Asks a registry (`ghcr.io`, `localhost:5000`) whether it takes the credentials.
   * @throws RegistryError `REGISTRY_UNAUTHORIZED` when it does not.
   */
  signIn(registry: string, options?: CallOptions): Promise<void>;
  /** Waits for uploads to be cancelled and ends idle connections. */
  close(): Promise<void>;
}

/**
 * Makes a client for any number of registries.
 *
 * Its functions throw `REGISTRY_UNREACHABLE`, `REGISTRY_UNAUTHORIZED`, `REGISTRY_DENIED`, `REGISTRY_RATE_LIMITED`,
 * `REGISTRY_ERROR`, and what {@link ImageSource} and {@link ImageSink} name.
 */
export function createRegistryClient(options: RegistryOptions = {}): RegistryClient {
  return new Client(options);
}

/** Every build of an image asks for its config again. */
function isSmallConfig({ mediaType, size }: Descriptor): boolean {
  return isConfigType(mediaType) && size <= 64 * 1024;
}

function digestIn(reference: ImageReference): string {
  if (reference.digest !== undefined) {
    return reference.digest;
  }
  throw new MabuildError(`${formatReference(reference)} names no digest`, {
    code: 'INVALID_REFERENCE',
    hint: 'write NAME@sha256:…',
  });
}

class Client implements RegistryClient {
  readonly #transport: Transport;
  readonly #retry: RetryPolicy;
  readonly #manifests: ManifestCache;
  readonly #places: Places;
  readonly #working = new Set<Promise<unknown>>();
  /** Sinks that have uploads to go on with, or to give up. */
  readonly #waiting = new Set<RegistrySink>();

  constructor(options: RegistryOptions) {
    this.#retry = retryPolicy(options.retry);
    this.#manifests = new ManifestCache(options.manifestStore);
    this.#transport = openTransport(options);
    this.#places = new Places({
      transport: this.#transport,
      retry: this.#retry,
      mirrors: options.mirrors,
      insecure: options.insecure,
      credentials: options.credentials,
      onEvent: options.onEvent ?? (() => undefined),
    });
  }

  async resolve(
    reference: ImageReference,
    { signal, pastMirrors }: ResolveOptions = {},
  ): Promise<ImageSource> {
    signal?.throwIfAborted();
    const name = reference.digest ?? reference.tag ?? 'latest';
    const places = this.#places.of(reference, pastMirrors);
    const { found, at } = await this.#places.firstOf(places, signal, async ({ repository }) => {
      const descriptor = await findManifest(repository, name, { signal });
      if (descriptor === undefined) {
        throw new RegistryError(`there is no image ${formatReference(reference)}`, {
          code: 'IMAGE_NOT_FOUND',
          hint: 'check the spelling of the name and the tag',
          status: 404,
        });
      }
      return descriptor;
    });
    const from = places.slice(at);
    return {
      root: found,
      read: (descriptor, options = {}) => this.#read(from, descriptor, options),
      mountableFrom: (descriptor) =>
        isStoredAsManifest(descriptor)
          ? undefined
          : { registry: reference.registry, repository: reference.repository },
      referrers: (subject, options = {}) =>
        this.referrers(withDigest(reference, subject.digest), { ...options, pastMirrors }),
    };
  }

  async *tags(
    reference: ImageReference,
    options: ListOptions & ResolveOptions = {},
  ): AsyncGenerator<string, void> {
    // Whoever gives the first page gives the others too.
    const places = this.#places.of(reference, options.pastMirrors);
    const { found } = await this.#places.firstOf(places, options.signal, async ({ repository }) => {
      const names = listTags(repository, options);
      return { names, first: await names.next() };
    });
    if (found.first.done !== true) {
      yield found.first.value;
      yield* found.names;
    }
  }

  repositories(registry: string, options: ListOptions = {}): AsyncIterable<string> {
    return listRepositories(this.#places.origin({ registry, repository: '' }).host, options);
  }

  async referrers(
    reference: ImageReference,
    options: ReferrersOptions & ResolveOptions = {},
  ): Promise<readonly Descriptor[]> {
    const digest = digestIn(reference);
    let places = this.#places.of(reference, options.pastMirrors);
    for (;;) {
      const { found, at } = await this.#places.firstOf(places, options.signal, ({ repository }) =>
        findReferrers(repository, digest, options),
      );
      places = places.slice(at + 1);
      // A mirror that knows nothing of referrers has none.
      if (found.descriptors.length > 0 || found.from === 'api' || places.length === 0) {
        return found.descriptors;
      }
    }
  }

  async blob(reference: ImageReference, options: CallOptions = {}): Promise<ImageSource> {
    const digest = digestIn(reference);
    const places = this.#places.of(reference);
    const { found, at } = await this.#places.firstOf(places, options.signal, ({ repository }) =>
      findBlob(repository, digest, options),
    );
    return {
      root: found,
      read: (descriptor, options = {}) => this.#read(places.slice(at), descriptor, options),
    };
  }

  async delete(reference: ImageReference, options: CallOptions = {}): Promise<void> {
    const { digest, tag = 'latest' } = reference;
    const repository = this.#places.origin(reference);
    const subject = digest === undefined ? undefined : await subjectOf(repository, digest, options);
    await deleteManifest(repository, digest ?? tag, options);
    if (digest !== undefined && subject !== undefined) {
      await changeReferrers(repository, this.sink(reference), subject, { remove: [digest] }, options);
    }
  }

  sink(reference: ImageReference): ImageSink {
    return new RegistrySink({
      repository: this.#places.origin(reference),
      registry: reference.registry,
      manifests: this.#manifests,
      retry: this.#retry,
      track: (work) => {
        const settled = work.catch(() => undefined).finally(() => this.#working.delete(settled));
        this.#working.add(settled);
        return work;
      },
      waiting: this.#waiting,
    });
  }

  async askToPush(
    reference: ImageReference,
    options: AskToPushOptions = {},
  ): Promise<Descriptor | undefined> {
    return askToPush(this.#places.origin(reference), reference.tag ?? 'latest', options);
  }

  async signIn(registry: string, options: CallOptions = {}): Promise<void> {
    await signIn(this.#places.origin({ registry, repository: '' }).host, options);
  }

  async close(): Promise<void> {
    await Promise.all(this.#working);
    await Promise.all([...this.#waiting].map((sink) => sink.close()));
    this.#transport.close();
  }

  async #read(places: readonly Place[], descriptor: Descriptor, options: ReadOptions): Promise<Readable> {
    const { signal } = options;
    signal?.throwIfAborted();
    const isManifest = isStoredAsManifest(descriptor);
    const isRemembered = isManifest || isSmallConfig(descriptor);
    const known = isRemembered ? await this.#manifests.get(descriptor, { signal }) : undefined;
    if (known !== undefined) {
      return Readable.from([known], { objectMode: false });
    }
    if (!isManifest) {
      const { found } = await this.#places.firstOf(places, signal, ({ repository }) =>
        readBlob(repository, descriptor, isRemembered ? { signal } : options),
      );
      if (!isRemembered) return found;
      const chunks: Uint8Array[] = [];
      for await (const chunk of found as AsyncIterable<Uint8Array>) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      await this.#manifests.set(descriptor.digest, bytes, { signal });
      return Readable.from([bytes], { objectMode: false });
    }
    const { found } = await this.#places.firstOf(places, signal, ({ repository }) =>
      getManifest(repository, descriptor.digest, { signal }),
    );
    await this.#manifests.set(descriptor.digest, found.bytes, { signal });
    return Readable.from([found.bytes], { objectMode: false });
  }
}
