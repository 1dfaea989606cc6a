import type { Readable } from 'node:stream';
import {
  type CallOptions,
  type Descriptor,
  type ImageReference,
  type ImageSink,
  longestManifest,
  MabuildError,
  type OpenBody,
  type PutOptions,
  type TagOptions,
  verifyBytes,
} from '@mabuild/oci';
import { hasBlob, mountBlob, type Repository, uploadBlob } from './blob.ts';
import { RegistryError } from './error.ts';
import {
  findManifest,
  getManifest,
  isStoredAsManifest,
  putManifest,
  type StoredManifest,
  spell,
} from './manifest.ts';
import type { ManifestCache } from './manifest-cache.ts';
import { backoff, pause, type RetryPolicy } from './retry.ts';

export interface RegistrySinkOptions {
  readonly repository: Repository;
  /** The registry as references spell it. */
  readonly registry: string;
  readonly manifests: ManifestCache;
  readonly retry: RetryPolicy;
  /** Told of work that must end before the client closes. */
  readonly track: <T>(work: Promise<T>) => Promise<T>;
}

/** One repository of a registry, to be written to. */
export class RegistrySink implements ImageSink {
  readonly #options: RegistrySinkOptions;
  readonly #present = new Set<string>();
  readonly #uploads = new Map<string, Promise<void>>();
  /** Names that were seen not to point at what the caller wanted. */
  readonly #elsewhere = new Set<string>();

  constructor(options: RegistrySinkOptions) {
    this.#options = options;
  }

  async has(descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    const { repository } = this.#options;
    const present =
      this.#present.has(descriptor.digest) ||
      (isStoredAsManifest(descriptor)
        ? (await findManifest(repository, descriptor.digest, { ...options, pushing: true })) !== undefined
        : await hasBlob(repository, descriptor, options));
    if (present) {
      this.#present.add(descriptor.digest);
    }
    return present;
  }

  async mount(descriptor: Descriptor, from: ImageReference, options: CallOptions = {}): Promise<boolean> {
    const { repository, registry, track } = this.#options;
    if (from.registry !== registry || from.repository === repository.path || isStoredAsManifest(descriptor)) {
      return false;
    }
    const mounted = await track(mountBlob(repository, descriptor, from.repository, options));
    if (mounted) {
      this.#present.add(descriptor.digest);
    }
    return mounted;
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
    const found = await findManifest(this.#options.repository, name, { ...options, pushing: true });
    const there = found?.digest === descriptor.digest;
    if (there) {
      this.#present.add(descriptor.digest);
      this.#elsewhere.delete(key(name, descriptor));
    } else {
      this.#elsewhere.add(key(name, descriptor));
    }
    return there;
  }

  async tag(name: string, descriptor: Descriptor, options: TagOptions = {}): Promise<void> {
    const { repository } = this.#options;
    const { signal } = options;
    signal?.throwIfAborted();
    if (!this.#elsewhere.delete(key(name, descriptor)) && (await this.tagged(name, descriptor, { signal }))) {
      return;
    }
    const manifest = await this.#manifest(descriptor, options);
    await putManifest(repository, name, manifest, { signal });
    this.#present.add(descriptor.digest);
    await this.#confirm(name, descriptor, { signal });
  }

  async #put(descriptor: Descriptor, open: OpenBody, { signal, onBytes }: PutOptions): Promise<void> {
    const { repository, manifests } = this.#options;
    if (!isStoredAsManifest(descriptor)) {
      await uploadBlob(repository, descriptor, open, { signal, onBytes });
      return;
    }
    const bytes = await readManifest(descriptor, open, signal);
    await putManifest(repository, descriptor.digest, { descriptor, bytes }, { signal });
    await manifests.set(descriptor.digest, bytes, { signal });
    onBytes?.(bytes.length);
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

  /** Re-reads the tag: some registries take a moment, and another push may have won. */
  async #confirm(name: string, descriptor: Descriptor, { signal }: CallOptions): Promise<void> {
    const { repository, retry } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      const found = await findManifest(repository, name, { signal, pushing: true });
      if (found?.digest === descriptor.digest) {
        return;
      }
      if (attempt >= retry.attempts) {
        throw new RegistryError(
          `tagging ${spell(repository, name)}: written as ${descriptor.digest}, read back as ${found?.digest ?? 'nothing'}`,
          {
            code: 'REGISTRY_TAG_MOVED',
            hint: 'somebody else pushed the same tag; push again if yours should win',
          },
        );
      }
      await pause(backoff(retry, attempt), signal);
    }
  }
}

function key(name: string, descriptor: Descriptor): string {
  return `${name}@${descriptor.digest}`;
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
