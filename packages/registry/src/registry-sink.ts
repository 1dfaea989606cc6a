import type { Readable } from 'node:stream';
import {
  type CallOptions,
  type Descriptor,
  type GrowingBlob,
  type ImageReference,
  type ImageSink,
  longestManifest,
  MabuildError,
  type OpenBody,
  type PutOptions,
  type TagOptions,
  verifyBytes,
} from '@mabuild/oci';
import { hasBlob } from './blobs/blob.ts';
import { FollowedUploads } from './blobs/followed-uploads.ts';
import { mountBlob } from './blobs/mount.ts';
import { uploadBlob } from './blobs/upload.ts';
import { cancelUpload, type UploadSession } from './blobs/upload-session.ts';
import { waysOf } from './blobs/upload-ways.ts';
import type { RetryPolicy } from './http/retry.ts';
import { changeReferrers } from './manifests/change-referrers.ts';
import {
  type FoundManifest,
  findManifest,
  getManifest,
  isStoredAsManifest,
  lookUpManifest,
  putManifest,
  type StoredManifest,
} from './manifests/manifest.ts';
import type { ManifestCache } from './manifests/manifest-cache.ts';
import { writeTag } from './manifests/tag.ts';
import type { Repository } from './repository.ts';

export interface RegistrySinkOptions {
  readonly repository: Repository;
  /** The registry as references spell it. */
  readonly registry: string;
  readonly manifests: ManifestCache;
  readonly retry: RetryPolicy;
  /** Told of work that must end before the client closes. */
  readonly track: <T>(work: Promise<T>) => Promise<T>;
  /** Holds the sink while it must be closed before the client is. */
  readonly waiting: Set<RegistrySink>;
}

interface Seen {
  readonly found: FoundManifest | undefined;
}

/** One repository of a registry, to be written to. */
export class RegistrySink implements ImageSink {
  readonly remote = true;
  /** distribution-spec, "Pushing blobs": a blob is stored under the digest that it has. */
  readonly verifies = true;
  readonly #options: RegistrySinkOptions;
  readonly #present = new Set<string>();
  /** Just found to be absent, so that the next question need not be asked. */
  readonly #absent = new Set<string>();
  readonly #uploads = new Map<string, Promise<void>>();
  /** Uploads that wait for the bytes of what could not be mounted, by digest. */
  readonly #begun = new Map<string, UploadSession>();
  /** Uploads of blobs that were still being made. */
  readonly #followed: FollowedUploads;
  /** What names pointed at when they were looked at last. */
  readonly #seen = new Map<string, Seen>();

  constructor(options: RegistrySinkOptions) {
    this.#options = options;
    this.#followed = new FollowedUploads(options.repository);
  }

  async has(descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    if (this.#absent.delete(descriptor.digest)) {
      return false;
    }
    const { repository } = this.#options;
    const present =
      this.#present.has(descriptor.digest) ||
      (isStoredAsManifest(descriptor)
        ? (await findManifest(repository, descriptor.digest, { ...options, pushing: true })) !== undefined
        : await hasBlob(repository, descriptor, options));
    if (present) {
      this.#present.add(descriptor.digest);
      await this.#cancel(descriptor.digest);
    }
    return present;
  }

  async mount(descriptor: Descriptor, from: ImageReference, options: CallOptions = {}): Promise<boolean> {
    const { repository, registry, track } = this.#options;
    if (from.registry !== registry || from.repository === repository.path || isStoredAsManifest(descriptor)) {
      return false;
    }
    // Where mounts are not done, asking first saves an upload begun in vain.
    if (!waysOf(repository.host).mounts) {
      if (await this.has(descriptor, options)) {
        return true;
      }
      this.#absent.add(descriptor.digest);
    }
    const mounted = await track(mountBlob(repository, descriptor, from.repository, options));
    if (mounted === true) {
      this.#present.add(descriptor.digest);
      return true;
    }
    if (mounted !== false) {
      await this.#cancel(descriptor.digest);
      this.#begun.set(descriptor.digest, mounted);
      this.#options.waiting.add(this);
    }
    return false;
  }

  async follow(blob: GrowingBlob, options: CallOptions = {}): Promise<void> {
    this.#options.waiting.add(this);
    await this.#options.track(this.#followed.follow(blob, options));
  }

  /** Gives up uploads that a registry began instead of mounting, or of blobs in the making, that nobody went on with. */
  async close(): Promise<void> {
    await Promise.all([...this.#begun.keys()].map((digest) => this.#cancel(digest)));
    await this.#followed.stop();
  }

  /** Blobs that several images share are sent once, also when they are put side by side. */
  async put(descriptor: Descriptor, open: OpenBody, options: PutOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    while (true) {
      const running = this.#uploads.get(descriptor.digest);
      if (running === undefined) {
        break;
      }
      // Its failure is its own caller's; then it is our turn.
      await running.catch(() => undefined);
      if (this.#present.has(descriptor.digest)) {
        options.onBytes?.(descriptor.size);
        return;
      }
      options.signal?.throwIfAborted();
    }
    const upload = this.#options.track(this.#put(descriptor, open, options));
    this.#uploads.set(descriptor.digest, upload);
    try {
      await upload;
      this.#present.add(descriptor.digest);
    } finally {
      this.#uploads.delete(descriptor.digest);
    }
  }

  async tagged(name: string, descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    return this.#isThere(descriptor, await this.#look(name, options));
  }

  async tag(name: string, descriptor: Descriptor, options: TagOptions = {}): Promise<void> {
    const { repository, retry } = this.#options;
    const { signal, expected } = options;
    signal?.throwIfAborted();
    const seen = (expected === undefined && this.#seenElsewhere(name, descriptor)) || {
      found: await this.#look(name, { signal }),
    };
    this.#seen.delete(name);
    if (this.#isThere(descriptor, seen.found)) {
      return;
    }
    const manifest = await this.#manifest(descriptor, options);
    await writeTag(repository, name, manifest, { retry, seen: seen.found, expected, signal });
    this.#present.add(descriptor.digest);
  }

  async refer(
    subject: Descriptor,
    referrers: readonly Descriptor[],
    options: CallOptions = {},
  ): Promise<void> {
    const change = { add: referrers };
    await changeReferrers(this.#options.repository, this, subject.digest, change, options);
  }

  async #look(name: string, { signal }: CallOptions): Promise<FoundManifest | undefined> {
    const found = await lookUpManifest(this.#options.repository, name, { signal, pushing: true });
    this.#seen.set(name, { found });
    return found;
  }

  /** A copy asks before it begins, and need not ask again; who expects something wants to hear of the latest. */
  #seenElsewhere(name: string, descriptor: Descriptor): Seen | undefined {
    const seen = this.#seen.get(name);
    return seen?.found?.descriptor.digest === descriptor.digest ? undefined : seen;
  }

  #isThere(descriptor: Descriptor, found: FoundManifest | undefined): boolean {
    const there = found?.descriptor.digest === descriptor.digest;
    if (there) {
      this.#present.add(descriptor.digest);
    }
    return there;
  }

  async #put(descriptor: Descriptor, open: OpenBody, options: PutOptions): Promise<void> {
    const { repository, manifests } = this.#options;
    const { signal, onBytes, onMounted } = options;
    if (!isStoredAsManifest(descriptor)) {
      const session = (await this.#followed.take(descriptor, options)) ?? this.#take(descriptor.digest);
      const outcome = await uploadBlob(repository, descriptor, open, { signal, onBytes, session });
      if (outcome === 'mounted') {
        onMounted?.();
      }
      return;
    }
    const bytes = await readManifest(descriptor, open, signal);
    await putManifest(repository, descriptor.digest, { descriptor, bytes }, { signal });
    await manifests.set(descriptor.digest, bytes, { signal });
    onBytes?.(bytes.length);
  }

  async #cancel(digest: string): Promise<void> {
    await this.#followed.stop(digest);
    const session = this.#take(digest);
    if (session !== undefined) {
      await cancelUpload(this.#options.repository, session.location);
    }
  }

  #take(digest: string): UploadSession | undefined {
    const session = this.#begun.get(digest);
    if (this.#begun.delete(digest) && this.#begun.size === 0 && this.#followed.size === 0) {
      this.#options.waiting.delete(this);
    }
    return session;
  }

  async #manifest(descriptor: Descriptor, { signal, open }: TagOptions): Promise<StoredManifest> {
    if (open !== undefined) {
      return { descriptor, bytes: await readManifest(descriptor, open, signal) };
    }
    const known = await this.#options.manifests.get(descriptor, { signal });
    if (known !== undefined) {
      return { descriptor, bytes: known };
    }
    return getManifest(this.#options.repository, descriptor.digest, { signal, pushing: true });
  }
}

async function readManifest(
  descriptor: Descriptor,
  open: OpenBody,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const body: Readable = await open();
  for await (const chunk of body as AsyncIterable<Buffer>) {
    signal?.throwIfAborted();
    chunks.push(chunk);
    size += chunk.length;
    if (size > longestManifest) {
      throw new MabuildError(`the manifest ${descriptor.digest} is longer than ${longestManifest} bytes`, {
        code: 'SIZE_MISMATCH',
        hint: 'registries take manifests up to 4 MiB',
      });
    }
  }
  const bytes = Buffer.concat(chunks, size);
  verifyBytes(bytes, descriptor);
  return bytes;
}
