import type { Readable } from 'node:stream';
import type { Descriptor } from './descriptor.ts';
import type { ImageReference } from './reference.ts';

/** What every asynchronous function of mabuild takes last. */
export interface CallOptions {
  /** Aborting rejects with the signal's own reason, untouched. */
  readonly signal?: AbortSignal | undefined;
}

export interface ReadOptions extends CallOptions {
  /** The bytes go to somebody who verifies them, so that the source need not. @default false */
  readonly unverified?: boolean | undefined;
}

/**
 * Anything that image bytes can be read from: a registry repository, an OCI layout, an archive, a build result.
 */
export interface ImageSource {
  /** The manifest or index that this source is about. */
  readonly root: Descriptor;
  /**
   * Opens the content of a descriptor reachable from `root`.
   *
   * The stream fails with code `DIGEST_MISMATCH` or `SIZE_MISMATCH` when the bytes are not what the descriptor says:
   * a reader that reaches the end has verified bytes, unless it asked for others.
   * @throws MabuildError `BLOB_NOT_FOUND` when the source does not have it.
   */
  read(descriptor: Descriptor, options?: ReadOptions): Promise<Readable>;
  /** A registry repository that already holds this blob, from which a sink on the same registry may mount it. */
  mountableFrom?(descriptor: Descriptor): ImageReference | undefined | Promise<ImageReference | undefined>;
  /** What names a manifest as its subject, such as signatures: distribution-spec, "Listing Referrers". */
  referrers?(subject: Descriptor, options?: CallOptions): Promise<readonly Descriptor[]>;
}

/** Where a name becomes an image. */
export interface ImageResolver {
  /**
   * Finds what a reference names, without reading further than its top manifest's descriptor.
   * @throws MabuildError `IMAGE_NOT_FOUND` when there is no such image.
   */
  resolve(reference: ImageReference, options?: CallOptions): Promise<ImageSource>;
}
