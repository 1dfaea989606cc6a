import { normalizePlatform, type Platform } from '@mabuild/oci';

/** The platforms that are not x86. */
export function armOnly(platforms: readonly Platform[]): readonly Platform[] {
  return platforms.filter((platform) => !isX86(platform));
}

export function isX86(platform: Platform): boolean {
  const { architecture } = normalizePlatform(platform);
  return architecture === 'amd64' || architecture === '386';
}
