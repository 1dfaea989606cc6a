import { formatPlatform, normalizePlatform, type Platform } from '@mabuild/oci';

const suffixes: Readonly<Record<string, string>> = {
  'linux/amd64': 'amd64',
  'linux/386': 'i386',
  'linux/arm64': 'arm64v8',
  'linux/arm/v7': 'arm32v7',
  'linux/arm/v6': 'arm32v6',
  'linux/arm/v5': 'arm32v5',
};

/** The name that Docker's official images give a platform (`arm32v7`), fit for a tag or a file name. */
export function platformSuffix(platform: Platform): string {
  const name = formatPlatform(normalizePlatform(platform));
  return suffixes[name] ?? name.replaceAll('/', '-').replace(/^linux-/, '');
}
