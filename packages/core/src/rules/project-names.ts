import type { ArchToken } from '../knowledge/architecture-names.ts';

/**
 * The project's own names, as far as the x86 one tells: Go's after `linux`; else Debian's in a file that is made for one
 * platform, whose armhf is what most people write, and those of TARGETARCH and TARGETVARIANT in a file for all.
 */
export function projectNames(
  file: string,
  { token, start }: ArchToken,
  alone: boolean,
): Readonly<Record<string, string>> {
  const arm64 = token === 'x86_64' ? 'aarch64' : 'arm64';
  const go = token === 'amd64' && /(?:^|[^a-z])linux[-_/.]$/i.test(file.slice(0, start));
  if (go) return { 'linux/arm64': arm64, 'linux/arm/v7': 'arm', 'linux/arm/v6': 'arm' };
  const debian = alone && token === 'amd64';
  return { 'linux/arm64': arm64, 'linux/arm/v7': debian ? 'armhf' : 'armv7', 'linux/arm/v6': 'armv6' };
}
