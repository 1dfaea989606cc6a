import type { Readable } from 'node:stream';
import type { Descriptor } from './descriptor.ts';
import type { CallOptions } from './image-source.ts';
import type { ImageReference } from './reference.ts';

/** Where an image is written: a registry repository, an OCI layout, an archive. */
export interface ImageSink {
  /** Whether asking for small content costs as much as sending it. @default false */
  readonly remote?: boolean | undefined;
  /** Whether `put` refuses blobs that are not what their descriptor says, so that they need not be verified before. @default false */
  readonly verifies?: boolean | undefined;
  /** Tells whether the content is there already, so that it need not be sent. */
  has(descriptor: Descriptor, options?: CallOptions): Promise<boolean>;
  /** Tries to make a blob of another repository of the same registry appear here; `false` when it must be sent. */
  mount?(descriptor: Descriptor, from: ImageReference, options?: CallOptions): Promise<boolean>;
  /**
   * Writes a blob or, for a manifest media type, a manifest by its digest.
   *
   * `open` is called once per attempt, so that a retry reads from the start.
   */
  put(descriptor: Descriptor, open: OpenBody, options?: PutOptions): Promise<void>;
  /**
   * Begins to send a blob while it is made. It is there only when it is `put`, which then has less to send; where this
   * fails, that does it all.
   * @returns when all of it was sent, or that came to nothing
   */
  follow?(blob: GrowingBlob, options?: CallOptions): Promise<void>;
  /** Tells whether `name` points at this manifest already, so that nothing at all need be sent. */
  tagged?(name: string, descriptor: Descriptor, options?: CallOptions): Promise<boolean>;
  /**
   * Makes `name` point at a manifest that was put before, or that `options.open` gives; the sink re-reads and compares
   * where it can.
   * @throws MabuildError `REGISTRY_TAG_MOVED` when `name` points at neither `options.expected` nor this manifest.
   */
  tag(name: string, descriptor: Descriptor, options?: TagOptions): Promise<void>;
  /** Lists manifests that were put as what names `subject`, where that is not seen from them alone. */
  refer?(subject: Descriptor, referrers: readonly Descriptor[], options?: CallOptions): Promise<void>;
}

/** Opens a body afresh. */
export type OpenBody = () => Promise<Readable>;

/** A blob that is still being made: what it is is known at its end. */
export interface GrowingBlob {
  /** Opens its bytes, from the first to one that may not be there yet; the stream fails where nothing comes of them. */
  readonly open: OpenBody;
  /** What it turned out to be; rejects where nothing comes of it. */
  readonly finished: Promise<Descriptor>;
}

export interface PutOptions extends CallOptions {
  /** Called with the bytes written so far of this descriptor. */
  readonly onBytes?: ((written: number) => void) | undefined;
  /** Called when the sink's own side had the blob elsewhere, so that no byte was sent. */
  readonly onMounted?: (() => void) | undefined;
}

export interface TagOptions extends CallOptions {
  /** The manifest's own bytes: a registry then takes them under the name at once, without a put by digest before. */
  readonly open?: OpenBody | undefined;
  /**
   * What the name must still point at, `'absent'` being nothing, so that another writer's work is not overwritten: a
   * registry that gives ETags is asked with If-Match (RFC 9110, 13.1.1), others are looked at right before and after.
   * @default anything
   */
  readonly expected?: Pick<Descriptor, 'digest'> | 'absent' | undefined;
}
