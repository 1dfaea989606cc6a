import { type CallOptions, type Descriptor, verifyBytes } from '@mabuild/oci';

/** Where manifests are remembered by digest beyond one client's life; it may forget at will. */
export interface ManifestStore {
  get(digest: string, options?: CallOptions): Promise<Uint8Array | undefined>;
  set(digest: string, bytes: Uint8Array, options?: CallOptions): Promise<void>;
}

/** Manifests that one client has seen, the latest 16 MiB of them, with a lasting store behind. */
export class ManifestCache {
  readonly #store: ManifestStore | undefined;
  readonly #known = new Map<string, Buffer>();
  #size = 0;

  constructor(store: ManifestStore | undefined) {
    this.#store = store;
  }

  /** Bytes that have the descriptor's digest, or nothing: what is damaged in the store counts as forgotten. */
  async get(descriptor: Descriptor, options?: CallOptions): Promise<Buffer | undefined> {
    const known = this.#known.get(descriptor.digest);
    if (known !== undefined) {
      return known;
    }
    const stored = await this.#store?.get(descriptor.digest, options);
    if (stored === undefined) {
      return undefined;
    }
    try {
      verifyBytes(stored, descriptor);
    } catch {
      return undefined;
    }
    const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
    this.#remember(descriptor.digest, bytes);
    return bytes;
  }

  async set(digest: string, bytes: Buffer, options?: CallOptions): Promise<void> {
    if (this.#known.has(digest)) {
      return;
    }
    this.#remember(digest, bytes);
    await this.#store?.set(digest, bytes, options);
  }

  #remember(digest: string, bytes: Buffer): void {
    this.#known.set(digest, bytes);
    this.#size += bytes.length;
    for (const [oldest, { length }] of this.#known) {
      if (this.#size <= 16 * 1024 * 1024 || oldest === digest) {
        return;
      }
      this.#known.delete(oldest);
      this.#size -= length;
    }
  }
}
