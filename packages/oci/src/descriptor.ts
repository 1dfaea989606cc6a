import type { Platform } from './platform.ts';

/** A pointer to content: OCI image-spec, "Content Descriptors". */
export interface Descriptor {
  readonly mediaType: string;
  /** `algorithm:hex`, e.g. `sha256:…`. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  /** On an index entry: which platform the manifest is for. */
  readonly platform?: Platform;
  readonly artifactType?: string;
  /** Places outside the registry from which a foreign layer may be fetched. */
  readonly urls?: readonly string[];
  /** The content itself, base64, when it is small. */
  readonly data?: string;
}
