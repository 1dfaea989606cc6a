/** An image name, normalised as docker does: `registry/repository[:tag][@digest]`. */
export interface ImageReference {
  /** e.g. `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** e.g. `library/ubuntu`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** Reads an image name; `docker.io`, `library/` and (without a digest) `latest` are filled in. @throws MabuildError `INVALID_REFERENCE`. */
export function parseReference(text: string): ImageReference {
  throw new Error(`TODO ${text}`);
}
/** Writes every part: `docker.io/library/ubuntu:22.04`. */
export function formatReference(reference: ImageReference): string {
  throw new Error(`TODO ${reference.registry}`);
}
/** Writes it the way people do: `ubuntu:22.04`. */
export function familiarReference(reference: ImageReference): string {
  throw new Error(`TODO ${reference.registry}`);
}
