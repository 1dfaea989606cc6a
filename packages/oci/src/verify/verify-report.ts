import type { VerifyNote, VerifyProblem } from './verdict.ts';

/** What became of one image of an index, or of the only one. */
export interface VerifiedImage {
  /** e.g. `linux/arm/v7`. */
  readonly platform: string;
  /** Of its manifest; empty for a platform that the image lacks. */
  readonly digest: string;
  readonly ok: boolean;
  /** A chart, a signature or the like: there is nothing that could run. */
  readonly artifact?: true;
  readonly problems: readonly VerifyProblem[];
  readonly notes: readonly VerifyNote[];
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly images: readonly VerifiedImage[];
}

/** A platform that was wanted and is not there is a failure. */
export function reportOf(
  found: readonly VerifiedImage[],
  wanted: readonly string[] | undefined,
): VerifyReport {
  const images = found.filter((image) => wanted === undefined || wanted.includes(image.platform));
  const isImage = found.length === 0 || found.some(({ artifact }) => artifact !== true);
  if (!isImage) return { ok: true, images: found };
  for (const platform of wanted ?? []) {
    if (!images.some((image) => image.platform === platform)) {
      images.push(failure(platform, '', { kind: 'missing-blob', found: `no image for ${platform}` }));
    }
  }
  return { ok: images.length > 0 && images.every(({ ok }) => ok), images };
}

export function failure(platform: string, digest: string, ...problems: VerifyProblem[]): VerifiedImage {
  return { platform, digest, ok: false, problems, notes: [] };
}
