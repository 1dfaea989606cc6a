import {
  formatPlatform,
  formatPlatformDetails,
  isKnownPlatform,
  MabuildError,
  type Platform,
  parsePlatform,
} from '@mabuild/oci';

/**
 * Reads platforms to build or check for, each once.
 * @throws MabuildError `INVALID_PLATFORM`, also for one that no image is made for
 */
export function readPlatforms(platforms: readonly (string | Platform)[]): readonly Platform[] {
  const read = platforms.map((platform) => (typeof platform === 'string' ? readOne(platform) : platform));
  for (const platform of read) {
    if (isKnownPlatform(platform)) continue;
    throw new MabuildError(`${formatPlatform(platform)} is no platform that is known`, {
      code: 'INVALID_PLATFORM',
      hint: meantBy(formatPlatform(platform)),
    });
  }
  return [...new Map(read.map((platform) => [formatPlatformDetails(platform), platform])).values()];
}

function readOne(text: string): Platform {
  const words = text.trim().split(/\s+/);
  if (words.length < 2) return parsePlatform(text);
  throw new MabuildError(`${JSON.stringify(text)} is no platform`, {
    code: 'INVALID_PLATFORM',
    hint: `put commas between them, and no spaces: ${words.join(',')}`,
  });
}

/** What is meant by `linux/armv7`, or by `arm/v7`, which leaves out the system. */
function meantBy(text: string): string {
  const meant = text.replace(/(arm)-?(v[5-8])$/i, '$1/$2').replace(/^(?!linux\/)/, 'linux/');
  const isKnown = meant !== text && isPlatformName(meant);
  return isKnown ? `write ${meant}` : 'e.g. linux/amd64, linux/arm64, linux/arm/v7, linux/arm/v6';
}

function isPlatformName(text: string): boolean {
  try {
    return isKnownPlatform(parsePlatform(text));
  } catch {
    return false;
  }
}
