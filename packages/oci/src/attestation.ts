import type { Descriptor } from './descriptor.ts';

/**
 * Tells whether an index entry holds something about another entry, such as BuildKit's provenance or SBOM, instead of an
 * image.
 *
 * Such entries carry the platform `unknown/unknown`, and annotations `vnd.docker.reference.type` and `.digest`.
 */
export function isAttestation(entry: Descriptor): boolean {
  return (
    entry.annotations?.['vnd.docker.reference.type'] !== undefined || attestationSubject(entry) !== undefined
  );
}

/** The digest of the image that an attestation is about; `undefined` for an image. */
export function attestationSubject(entry: Descriptor): string | undefined {
  return entry.annotations?.['vnd.docker.reference.digest'];
}

/** Takes out the attestations whose image was among `before` and is not among `after`. */
export function withoutLostAttestations(
  before: readonly Descriptor[],
  after: readonly Descriptor[],
): readonly Descriptor[] {
  const left = new Set(after.map(({ digest }) => digest));
  const gone = new Set(before.map(({ digest }) => digest).filter((digest) => !left.has(digest)));
  if (gone.size === 0) return after;
  return after.filter((entry) => !gone.has(attestationSubject(entry) ?? ''));
}
