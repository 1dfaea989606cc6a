import { normalizePlatform, type Platform } from '@mabuild/oci';

const others = new WeakMap<readonly Platform[], readonly Platform[]>();

/** The platforms that are not x86. */
export function armOnly(platforms: readonly Platform[]): readonly Platform[] {
  // Every rule asks it of every file.
  const known = others.get(platforms) ?? platforms.filter((platform) => !isX86(platform));
  others.set(platforms, known);
  return known;
}

export function isX86(platform: Platform): boolean {
  const { architecture } = normalizePlatform(platform);
  return architecture === 'amd64' || architecture === '386';
}
