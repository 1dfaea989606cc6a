import { normalizePlatform, type Platform } from './platform.ts';

/** How {@link platformSatisfies} and {@link choosePlatform} compare. */
export interface PlatformMatchOptions {
  /**
   * Only the same platform will do (containerd's `OnlyStrict`), not one that the host can run as well.
   * @default false
   */
  readonly strict?: boolean;
}

/**
 * Tells whether an image of platform `image` may be run where `host` is asked for (containerd's `Only`).
 *
 * arm/v7 takes v6 and v5, arm64 takes 32-bit ARM, amd64 takes 386, amd64/v3 takes v2 and v1. `os.features` play no part.
 */
export function platformSatisfies(
  image: Platform,
  host: Platform,
  options: PlatformMatchOptions = {},
): boolean {
  return rank(image, host, options) !== undefined;
}

/**
 * Chooses the entry that suits `host` best, the first among equals; `undefined` when none does.
 *
 * Entries without a platform and those of `unknown/unknown` (attestations) are never chosen.
 */
export function choosePlatform(
  entries: readonly (Platform | undefined)[],
  host: Platform,
  options: PlatformMatchOptions = {},
): number | undefined {
  let best: { readonly index: number; readonly rank: number } | undefined;
  for (const [index, entry] of entries.entries()) {
    const found = entry === undefined || isUnknown(entry) ? undefined : rank(entry, host, options);
    if (found !== undefined && (best === undefined || found < best.rank)) {
      best = { index, rank: found };
    }
  }
  return best?.index;
}

function isUnknown(platform: Platform): boolean {
  return platform.os === 'unknown' || platform.architecture === 'unknown';
}

/** 0 is the host's own platform; the higher, the older the processor that the image was made for. */
function rank(image: Platform, host: Platform, options: PlatformMatchOptions): number | undefined {
  const wanted = normalizePlatform(host);
  const offered = normalizePlatform(image);
  if (wanted.os !== offered.os || !windowsVersionsAgree(wanted, offered)) {
    return undefined;
  }
  const runnable = runnableOn(wanted).slice(0, options.strict === true ? 1 : undefined);
  const index = runnable.indexOf(`${offered.architecture}/${offered.variant ?? ''}`);
  return index < 0 ? undefined : index;
}

function windowsVersionsAgree(wanted: Platform, offered: Platform): boolean {
  const build = (platform: Platform): string | undefined =>
    platform['os.version']?.split('.').slice(0, 3).join('.');
  const [a, b] = [build(wanted), build(offered)];
  return wanted.os !== 'windows' || a === undefined || b === undefined || a === b;
}

/** `architecture/variant`, normalised, of everything that a processor runs, best first. */
function runnableOn(host: Platform): string[] {
  const { architecture, variant = '' } = host;
  const own = `${architecture}/${variant}`;
  switch (architecture) {
    case 'amd64':
      return [
        own,
        ...levels(variant, 1).map((level) => (level === 1 ? 'amd64/' : `amd64/v${level}`)),
        '386/',
      ];
    case 'arm':
      return [own, ...levels(variant, 5).map((level) => `arm/v${level}`)];
    case 'arm64':
      return [own, ...arm64Levels(variant), ...[8, 7, 6, 5].map((level) => `arm/v${level}`)];
    default:
      return [own];
  }
}

function levels(variant: string, lowest: number): number[] {
  const level = /^v([0-9]{1,2})$/.exec(variant)?.[1];
  const count = level === undefined ? 0 : Math.max(0, Number(level) - lowest);
  return Array.from({ length: count }, (_, index) => lowest + count - 1 - index);
}

/** Every ARMv9.n is an ARMv8.(n+5) as well, up to v8.9, the last one. */
function arm64Levels(variant: string): string[] {
  const version = /^v([89])(?:\.([0-9]{1,2}))?$/.exec(variant === '' ? 'v8' : variant);
  if (version === null) {
    return [];
  }
  const minor = Number(version[2] ?? 0);
  const down = (major: number, from: number): string[] =>
    Array.from({ length: from + 1 }, (_, index) => {
      const { variant: name = '' } = normalizePlatform({
        os: 'linux',
        architecture: 'arm64',
        variant: `v${major}.${from - index}`,
      });
      return `arm64/${name}`;
    });
  return version[1] === '9' ? [...down(9, minor), ...down(8, Math.min(9, minor + 5))] : down(8, minor);
}
