import type { CallOptions, Descriptor, GrowingBlob, PutOptions } from '@mabuild/oci';
import type { Repository } from '../repository.ts';
import { followBlob } from './followed-upload.ts';
import { cancelUpload, type UploadSession } from './upload-session.ts';

interface Followed {
  readonly sent: Promise<UploadSession | undefined>;
  readonly stopped: AbortController;
  /** Known when the blob is made. */
  digest: string | undefined;
  onBytes: PutOptions['onBytes'];
}

/** The uploads of one repository whose blobs were still being made, until somebody goes on with them. */
export class FollowedUploads {
  readonly #repository: Repository;
  readonly #all = new Set<Followed>();

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  get size(): number {
    return this.#all.size;
  }

  /** @returns when all was sent, or that came to nothing */
  async follow(blob: GrowingBlob, { signal }: CallOptions): Promise<void> {
    const stopped = new AbortController();
    const followed: Followed = {
      sent: followBlob(this.#repository, blob, {
        signal: signal ? AbortSignal.any([signal, stopped.signal]) : stopped.signal,
        onBytes: (written) => followed.onBytes?.(written),
      }),
      stopped,
      digest: undefined,
      onBytes: undefined,
    };
    this.#all.add(followed);
    blob.finished.then(
      ({ digest }) => {
        followed.digest = digest;
      },
      () => undefined,
    );
    if ((await followed.sent) === undefined) {
      this.#all.delete(followed);
    }
  }

  /** Waits until a blob is sent, and leaves it to the caller to end its upload. */
  async take({ digest }: Descriptor, { onBytes, signal }: PutOptions): Promise<UploadSession | undefined> {
    const [followed, ...others] = this.#of(digest);
    await Promise.all(others.map((other) => this.#stop(other)));
    if (followed === undefined) {
      return undefined;
    }
    const stop = (): void => followed.stopped.abort();
    signal?.addEventListener('abort', stop, { once: true });
    followed.onBytes = onBytes;
    const session = await followed.sent;
    signal?.removeEventListener('abort', stop);
    // Whoever stopped it meanwhile has cancelled it.
    return this.#all.delete(followed) ? session : undefined;
  }

  /** Gives up those of a blob. @param digest default: all */
  async stop(digest?: string): Promise<void> {
    const some = digest === undefined ? [...this.#all] : this.#of(digest);
    await Promise.all(some.map((followed) => this.#stop(followed)));
  }

  #of(digest: string): readonly Followed[] {
    return [...this.#all].filter((followed) => followed.digest === digest);
  }

  async #stop(followed: Followed): Promise<void> {
    if (!this.#all.delete(followed)) {
      return;
    }
    followed.stopped.abort();
    const session = await followed.sent;
    if (session !== undefined) {
      await cancelUpload(this.#repository, session.location);
    }
  }
}
