import { digestOf, isDigest } from '@mabuild/oci';

export interface StoredContent {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** One repository: everything by digest, and tags to digests of manifests. */
export interface StoredRepository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, StoredContent>;
  readonly tags: Map<string, string>;
}

/** What a registry holds. */
export class Contents {
  readonly #repositories = new Map<string, StoredRepository>();

  names(): readonly string[] {
    return [...this.#repositories.keys()].sort();
  }

  find(repository: string): StoredRepository | undefined {
    return this.#repositories.get(repository);
  }

  /** The repository, made when it is not there. */
  at(repository: string): StoredRepository {
    const found = this.#repositories.get(repository) ?? {
      blobs: new Map(),
      manifests: new Map(),
      tags: new Map(),
    };
    this.#repositories.set(repository, found);
    return found;
  }

  tagOf(repository: string, tag: string): string | undefined {
    return this.find(repository)?.tags.get(tag);
  }

  manifest(repository: string, name: string): StoredContent | undefined {
    const found = this.find(repository);
    return found?.manifests.get(found.tags.get(name) ?? name);
  }

  blob(repository: string, digest: string): Buffer | undefined {
    return this.find(repository)?.blobs.get(digest);
  }

  blobAnywhere(digest: string): Buffer | undefined {
    for (const { blobs } of this.#repositories.values()) {
      const found = blobs.get(digest);
      if (found !== undefined) {
        return found;
      }
    }
    return undefined;
  }

  addBlob(repository: string, bytes: Uint8Array): string {
    const digest = digestOf(bytes);
    this.at(repository).blobs.set(digest, Buffer.from(bytes));
    return digest;
  }

  addManifest(repository: string, name: string, mediaType: string, bytes: Uint8Array): string {
    const digest = isDigest(name) ? name : digestOf(bytes);
    const { manifests, tags } = this.at(repository);
    manifests.set(digest, { mediaType, bytes: Buffer.from(bytes) });
    if (!isDigest(name)) {
      tags.set(name, digest);
    }
    return digest;
  }
}
