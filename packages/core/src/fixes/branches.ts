import { normalizePlatform, type Platform } from '@mabuild/oci';
import { platformKey, type Variation } from './variation.ts';

/** A platform as a portable file tells it from others. */
export interface Branch {
  /** A key such as `linux/arm/v7`. */
  readonly platform: string;
  /** `$TARGETARCH$TARGETVARIANT`, e.g. `armv7`; some builders say `arm64v8`. */
  readonly name: string;
}

export const amd64Branch: Branch = { platform: 'linux/amd64', name: 'amd64' };

const known: readonly Branch[] = ['linux/arm64', 'linux/arm/v7', 'linux/arm/v6'].map((platform) => ({
  platform,
  name: platform.replace('linux/', '').replace('/', ''),
}));

/** Variations that verify what another one fetches: they fail where nothing is known, and are never left out. */
const checksums: ReadonlySet<string> = new Set(['md5', 'sha1', 'sha256', 'sha512', 'checksum']);

export function isChecksum({ name }: Variation): boolean {
  return checksums.has(name);
}

/** The platforms that a file with these variations can serve, amd64 not counted: those asked for and any other that is known. */
export function branchesOf(
  variations: readonly Variation[],
  platforms: readonly Platform[],
): readonly Branch[] {
  const asked = platforms.map((platform) => branchFor(platform));
  const all = [
    ...known,
    ...asked.filter(({ platform }) => !known.some((other) => other.platform === platform)),
  ];
  const decisive = variations.filter((variation) => !isChecksum(variation) && !variation.shell);
  return all.filter(({ platform }) => {
    if (platform === amd64Branch.platform) return false;
    const wanted = asked.some((branch) => branch.platform === platform);
    // Without anything that decides, only what was asked for counts.
    if (decisive.length === 0) return wanted;
    return decisive.every(({ texts }) => Object.hasOwn(texts, platform));
  });
}

function branchFor(platform: Platform): Branch {
  const { architecture, variant = '' } = normalizePlatform(platform);
  return { platform: platformKey(platform), name: architecture + variant };
}

/** The text of a variation on a branch; a checksum that is not known is one that no file has. */
export function textFor(variation: Variation, { platform, name }: Branch): string {
  if (platform === amd64Branch.platform) return variation.text;
  return variation.texts[platform] ?? `put-the-${variation.name}-of-the-${name}-asset-here`;
}

/** The automatic ARGs that tell the branches apart. */
export function argsFor(branches: readonly Branch[]): readonly string[] {
  return branches.some(({ name }) => /v\d+$/.test(name)) ? ['TARGETARCH', 'TARGETVARIANT'] : ['TARGETARCH'];
}
