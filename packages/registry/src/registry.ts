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
  isMabuildError,
  MabuildError,
  withDigest,
} from '@mabuild/oci';
import { findBlob } from './blob-find.ts';
import { readBlob } from './blob-read.ts';
import { listRepositories } from './catalog.ts';
import { type ConnectionOptions, openTransport } from './connections.ts';
import { deleteManifest } from './delete.ts';
import { RegistryError } from './error.ts';
import type { OnRegistryEvent } from './event.ts';
import { findManifest, getManifest, isStoredAsManifest } from './manifest.ts';
import { ManifestCache, type ManifestStore } from './manifest-cache.ts';
import type { ListOptions } from './pages.ts';
import { findReferrers, type ReferrersOptions } from './referrers.ts';
import { RegistryHost } from './registry-host.ts';
import { RegistrySink } from './registry-sink.ts';
import type { Repository } from './repository.ts';
import { type RetryOptions, type RetryPolicy, retryPolicy } from './retry.ts';
import { signIn } from './sign-in.ts';
import { listTags } from './tags.ts';
import type { Transport } from './transport.ts';

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
  /** Remembers manifests by digest between runs. */
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
   * Deletes the tag of a reference; or, where the reference has a digest, the manifest with every tag of it.
   * @throws RegistryError `IMAGE_NOT_FOUND`; `REGISTRY_UNSUPPORTED` where the registry cannot.
   */
  delete(reference: ImageReference, options?: CallOptions): Promise<void>;
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

function digestIn(reference: ImageReference): string {
  if (reference.digest !== undefined) {
    return reference.digest;
  }
  throw new MabuildError(`${formatReference(reference)} names no digest`, {
    code: 'INVALID_REFERENCE',
    hint: 'write NAME@sha256:…',
  });
}

/** Where an image can be read: a mirror, or its registry. */
interface Place {
  readonly repository: Repository;
  /** Absent for the registry itself. */
  readonly mirror?: string;
}

class Client implements RegistryClient {
  readonly #options: RegistryOptions;
  readonly #transport: Transport;
  readonly #retry: RetryPolicy;
  readonly #manifests: ManifestCache;
  readonly #hosts = new Map<string, RegistryHost>();
  readonly #working = new Set<Promise<unknown>>();
  /** Sinks that have uploads to go on with, or to give up. */
  readonly #waiting = new Set<RegistrySink>();
  readonly #mirrors: ReadonlyMap<string, readonly string[]>;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#retry = retryPolicy(options.retry);
    this.#manifests = new ManifestCache(options.manifestStore);
    this.#mirrors = new Map(Object.entries(options.mirrors ?? {}));
    this.#transport = openTransport(options);
  }

  async resolve(
    reference: ImageReference,
    { signal, pastMirrors }: ResolveOptions = {},
  ): Promise<ImageSource> {
    signal?.throwIfAborted();
    const name = reference.digest ?? reference.tag ?? 'latest';
    const places = this.#places(reference, pastMirrors);
    const { found, at } = await this.#firstOf(places, signal, async ({ repository }) => {
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
    const places = this.#places(reference, options.pastMirrors);
    const { found } = await this.#firstOf(places, options.signal, async ({ repository }) => {
      const names = listTags(repository, options);
      return { names, first: await names.next() };
    });
    if (found.first.done !== true) {
      yield found.first.value;
      yield* found.names;
    }
  }

  repositories(registry: string, options: ListOptions = {}): AsyncIterable<string> {
    return listRepositories(this.#origin({ registry, repository: '' }).host, options);
  }

  async referrers(
    reference: ImageReference,
    options: ReferrersOptions & ResolveOptions = {},
  ): Promise<readonly Descriptor[]> {
    const digest = digestIn(reference);
    const places = this.#places(reference, options.pastMirrors);
    const { found } = await this.#firstOf(places, options.signal, ({ repository }) =>
      findReferrers(repository, digest, options),
    );
    return found.descriptors;
  }

  async blob(reference: ImageReference, options: CallOptions = {}): Promise<ImageSource> {
    const digest = digestIn(reference);
    const places = this.#places(reference);
    const { found, at } = await this.#firstOf(places, options.signal, ({ repository }) =>
      findBlob(repository, digest, options),
    );
    return {
      root: found,
      read: (descriptor, options = {}) => this.#read(places.slice(at), descriptor, options),
    };
  }

  async delete(reference: ImageReference, options: CallOptions = {}): Promise<void> {
    const name = reference.digest ?? reference.tag ?? 'latest';
    await deleteManifest(this.#origin(reference), name, options);
  }

  sink(reference: ImageReference): ImageSink {
    return new RegistrySink({
      repository: this.#origin(reference),
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

  async signIn(registry: string, options: CallOptions = {}): Promise<void> {
    await signIn(this.#origin({ registry, repository: '' }).host, options);
  }

  async close(): Promise<void> {
    await Promise.all(this.#working);
    await Promise.all([...this.#waiting].map((sink) => sink.close()));
    this.#transport.close();
  }

  async #read(places: readonly Place[], descriptor: Descriptor, options: CallOptions): Promise<Readable> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (!isStoredAsManifest(descriptor)) {
      const opened = await this.#firstOf(places, signal, ({ repository }) =>
        readBlob(repository, descriptor, { signal }),
      );
      return opened.found;
    }
    const known = await this.#manifests.get(descriptor, { signal });
    if (known !== undefined) {
      return Readable.from([known], { objectMode: false });
    }
    const { found } = await this.#firstOf(places, signal, ({ repository }) =>
      getManifest(repository, descriptor.digest, { signal }),
    );
    await this.#manifests.set(descriptor.digest, found.bytes, { signal });
    return Readable.from([found.bytes], { objectMode: false });
  }

  /** Asks mirrors in order, then the registry; whatever is wrong with a mirror, the next place is asked. */
  async #firstOf<T>(
    places: readonly Place[],
    signal: AbortSignal | undefined,
    ask: (place: Place) => Promise<T>,
  ): Promise<{ found: T; at: number }> {
    for (let at = 0; ; at += 1) {
      const place = places[at]!;
      try {
        return { found: await ask(place), at };
      } catch (error) {
        if (signal?.aborted === true || place.mirror === undefined || at === places.length - 1) {
          throw error;
        }
        this.#options.onEvent?.({
          type: 'registry-mirror-skipped',
          registry: place.repository.name.split('/')[0] ?? '',
          mirror: place.mirror,
          reason: isMabuildError(error) ? error.message : 'it failed',
        });
      }
    }
  }

  #places(reference: ImageReference, pastMirrors = false): readonly Place[] {
    const mirrors = pastMirrors ? [] : (this.#mirrors.get(reference.registry) ?? []);
    return [
      ...mirrors.map((mirror) => ({ mirror, repository: this.#atMirror(mirror, reference) })),
      { repository: this.#origin(reference) },
    ];
  }

  #origin(reference: ImageReference): Repository {
    const insecure = this.#options.insecure?.includes(reference.registry) === true;
    return {
      host: this.#host(reference.registry, insecure, this.#retry),
      path: reference.repository,
      name: `${reference.registry}/${reference.repository}`,
    };
  }

  #atMirror(mirror: string, reference: ImageReference): Repository {
    const [, origin = mirror, prefix = ''] = /^([a-z]+:\/\/[^/]+|[^/]+)\/?(.*?)\/*$/.exec(mirror) ?? [];
    const host = origin.replace(/^[a-z]+:\/\//, '');
    // Two tries: the registry itself stands behind it.
    const retry = { ...this.#retry, attempts: Math.min(2, this.#retry.attempts) };
    return {
      host: this.#host(origin, this.#options.insecure?.includes(host) === true, retry),
      path: prefix === '' ? reference.repository : `${prefix.replace(/^v2\//, '')}/${reference.repository}`,
      name: `${reference.registry}/${reference.repository}`,
    };
  }

  #host(host: string, insecure: boolean, retry: RetryPolicy): RegistryHost {
    const key = `${host} ${retry.attempts}`;
    const known = this.#hosts.get(key);
    if (known !== undefined) {
      return known;
    }
    const made = new RegistryHost({
      host,
      transport: this.#transport,
      credentials: this.#options.credentials,
      insecure,
      retry,
      onEvent: this.#options.onEvent ?? (() => undefined),
    });
    this.#hosts.set(key, made);
    return made;
  }
}
