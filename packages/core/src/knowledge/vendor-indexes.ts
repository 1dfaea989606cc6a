import { type ImageReference, type Platform, parsePlatform } from '@mabuild/oci';

/** Images outside of Docker's official ones whose indexes are documented. */
interface VendorIndex {
  readonly source: string;
  /** Matches `registry/repository:tag`. */
  readonly pattern: RegExp;
  readonly platforms: string;
}

const both = 'linux/amd64 linux/arm64';
const all = 'linux/amd64 linux/arm64 linux/arm/v7';
const readmes = "dotnet/dotnet-docker README.*.md: the tags of each platform's table and of its shared tags";

/** The first that matches decides. */
const indexes: readonly VendorIndex[] = [
  {
    source: readmes,
    pattern:
      /^mcr\.microsoft\.com\/dotnet\/(?:runtime|runtime-deps|aspnet|sdk):(?:[6-9]|10)\.0(?:\.\d+)?(?:-(?:bullseye-slim|bookworm-slim|focal|jammy|noble|jammy-chiseled|noble-chiseled))?$/,
    platforms: all,
  },
  {
    source: readmes,
    pattern:
      /^mcr\.microsoft\.com\/dotnet\/(?:(?:runtime|runtime-deps|aspnet):(?:[6-9]|10)|sdk:(?:[89]|10))\.0(?:\.\d+)?-alpine[0-9.]*$/,
    platforms: all,
  },
  {
    source: readmes,
    pattern:
      /^mcr\.microsoft\.com\/dotnet\/(?:runtime|runtime-deps|aspnet|sdk):(?:[6-9]|10)\.0(?:\.\d+)?-(?:azurelinux|cbl-mariner)[0-9.]*$/,
    platforms: both,
  },
  {
    source: readmes,
    pattern:
      /^mcr\.microsoft\.com\/dotnet\/(?:core\/)?(?:runtime|runtime-deps|aspnet|sdk):3\.[01](?:\.\d+)?$/,
    platforms: all,
  },
  {
    source: readmes,
    pattern:
      /^mcr\.microsoft\.com\/dotnet\/(?:core\/)?(?:runtime|runtime-deps|aspnet|sdk):2\.[12](?:\.\d+)?$/,
    platforms: 'linux/amd64 linux/arm/v7',
  },
  {
    source: 'GoogleContainerTools/distroless README.md, "What images are available?"',
    pattern:
      /^gcr\.io\/distroless\/(?:static|base|base-nossl|cc)(?:-debian1[0-3])?:(?:latest|nonroot|debug|debug-nonroot)$/,
    platforms: all,
  },
  {
    source: 'GoogleContainerTools/distroless README.md, "What images are available?"',
    pattern:
      /^gcr\.io\/distroless\/java(?:-base)?(?:\d+)?-debian1[1-3]:(?:latest|nonroot|debug|debug-nonroot)$/,
    platforms: both,
  },
];

/** The platforms, of x64 and ARM, of a well-known index that is no official image; `undefined` for all others. */
export function vendorIndexPlatforms(reference: ImageReference): readonly Platform[] | undefined {
  const { registry, repository, tag = 'latest', digest } = reference;
  if (digest !== undefined || registry === 'docker.io') return undefined;
  const name = `${registry}/${repository}:${tag}`;
  return indexes
    .find(({ pattern }) => pattern.test(name))
    ?.platforms.split(' ')
    .map((platform) => parsePlatform(platform));
}
