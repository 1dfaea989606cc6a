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
  const read = platforms.map((platform) =>
    typeof platform === 'string' ? parsePlatform(platform) : platform,
  );
  for (const platform of read) {
    if (isKnownPlatform(platform)) continue;
    throw new MabuildError(`${formatPlatform(platform)} is no platform that is known`, {
      code: 'INVALID_PLATFORM',
      hint: 'e.g. linux/amd64, linux/arm64, linux/arm/v7, linux/arm/v6',
    });
  }
  return [...new Map(read.map((platform) => [formatPlatformDetails(platform), platform])).values()];
}
