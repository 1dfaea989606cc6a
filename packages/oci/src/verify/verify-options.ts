import type { Descriptor } from '../descriptor.ts';
import type { CallOptions } from '../image-source.ts';
import type { Platform } from '../platform.ts';
import type { VerifyNote } from './verdict.ts';
import type { RememberedLayers } from './verify-layers.ts';
import type { VerifyRun } from './verify-run.ts';

export interface VerifyOptions extends CallOptions {
  /** Verify these platforms only; one that the image lacks is a problem. Default: all that it has. */
  readonly platforms?: readonly Platform[] | undefined;
  /** Digests of layers that are the base's own: their programs are not judged, and they are read only in doubt. */
  readonly baseLayers?: Iterable<string> | undefined;
  /** Asked for the layers of each image's base; they are left out as those of `baseLayers` are. */
  readonly baseOf?: ((image: ImageOfBase) => Promise<BaseLayers | undefined>) | undefined;
  readonly remembered?: RememberedLayers | undefined;
  /** Looks for a layer that need not be read, and throws `BLOB_NOT_FOUND`. @default nothing is looked for */
  readonly find?: ((layer: Descriptor) => Promise<unknown>) | undefined;
  /** What is shared with other calls; they may read the same repository only. @default nothing */
  readonly run?: VerifyRun | undefined;
}

/** What an image says of itself, for finding its base. */
export interface ImageOfBase {
  readonly platform: Platform;
  /** Of the index, its entry and the manifest, the last one counting most. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface BaseLayers {
  /** Digests. */
  readonly layers: Iterable<string>;
  /** What is worth knowing, e.g. that the base is not to be had. */
  readonly note?: VerifyNote | undefined;
}
