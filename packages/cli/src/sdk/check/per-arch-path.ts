import { basename, dirname, join } from 'node:path';
import { type Platform, parsePlatform } from '@mabuild/oci';
import { platformSuffix } from '../build/platform-suffix.ts';

/** The platforms that an earlier run may have written files for. */
const usual = ['linux/arm64', 'linux/arm/v7', 'linux/arm/v6'].map((name) => parsePlatform(name));

/** Where `migrate --style per-arch` writes what a Dockerfile becomes for a platform: `Dockerfile.arm32v7` beside it. */
export function perArchPath(path: string, platform: Platform): string {
  const suffix = platformSuffix(platform);
  return path === '-' ? `Dockerfile.${suffix}` : join(dirname(path), `${basename(path)}.${suffix}`);
}

/** Paths that `migrate --style per-arch` writes for any of these Dockerfiles, with the platform that each is for. */
export function perArchPaths(
  dockerfiles: readonly string[],
  platforms: readonly Platform[],
): ReadonlyMap<string, Platform> {
  return new Map(
    dockerfiles.flatMap((path) =>
      [...platforms, ...usual].map((platform) => [perArchPath(path, platform), platform] as const),
    ),
  );
}
