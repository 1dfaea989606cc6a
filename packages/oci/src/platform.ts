/** An operating system and a processor: OCI image-spec, "Image Index", `platform`. */
export interface Platform {
  /** GOOS, e.g. `linux`. */
  readonly os: string;
  /** GOARCH, e.g. `amd64`, `arm64`, `arm`. */
  readonly architecture: string;
  /** e.g. `v7` of `linux/arm/v7`. */
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
}

/** Writes `os/arch[/variant]`, as it is: normalise first where `linux/arm` shall read `linux/arm/v7`. */
export function formatPlatform(platform: Platform): string {
  const parts = [platform.os === '' ? 'unknown' : platform.os, platform.architecture, platform.variant ?? ''];
  return parts.filter((part) => part !== '').join('/');
}

/** Writes platforms as {@link formatPlatform} does, as messages list them: `linux/arm64, linux/arm/v7`. */
export function formatPlatformList(platforms: readonly Platform[]): string {
  return platforms.map((platform) => formatPlatform(platform)).join(', ');
}

/** Writes `os(version+feature)/arch[/variant]`, which {@link parsePlatform} reads back whole. */
export function formatPlatformDetails(platform: Platform): string {
  const version = encode(platform['os.version'] ?? '');
  const features = [...(platform['os.features'] ?? [])].sort().map((feature) => `+${encode(feature)}`);
  const details = version + features.join('');
  return formatPlatform(details === '' ? platform : { ...platform, os: `${platform.os}(${details})` });
}

/**
 * Gives a platform its usual names: `x86_64` is `amd64`, `linux/arm` is `linux/arm/v7`, `arm64/v8` has no variant.
 *
 * The rules are those of containerd, which docker and BuildKit use.
 */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const [architecture, variant] = normalizeArchitecture(
    platform.architecture.toLowerCase(),
    (platform.variant ?? '').toLowerCase(),
  );
  const version = platform['os.version'];
  const features = platform['os.features'];
  const isNormal =
    os === platform.os && architecture === platform.architecture && variant === (platform.variant ?? '');
  if (isNormal && os !== 'macos' && platform.variant !== '' && version === undefined && !features)
    return platform;
  return {
    os: os === 'macos' ? 'darwin' : os,
    architecture,
    ...(variant === '' ? {} : { variant }),
    ...(version ? { 'os.version': version } : {}),
    ...(features && features.length > 0 ? { 'os.features': [...features].sort() } : {}),
  };
}

/** Tells whether two platforms are the same one, whatever names they go by. */
export function platformsEqual(a: Platform, b: Platform): boolean {
  return formatPlatformDetails(normalizePlatform(a)) === formatPlatformDetails(normalizePlatform(b));
}

function normalizeArchitecture(architecture: string, variant: string): readonly [string, string] {
  switch (architecture) {
    case 'i386':
      return ['386', ''];
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return ['amd64', variant === 'v1' ? '' : variant];
    case 'aarch64':
    case 'arm64':
      if (variant === '8' || variant === 'v8' || variant === 'v8.0') {
        return ['arm64', ''];
      }
      return ['arm64', variant === '9' || variant === '9.0' || variant === 'v9.0' ? 'v9' : variant];
    case 'armhf':
      return ['arm', 'v7'];
    case 'armel':
      return ['arm', 'v6'];
    case 'arm':
      if (variant === '') {
        return ['arm', 'v7'];
      }
      return ['arm', /^[5-8]$/.test(variant) ? `v${variant}` : variant];
    default:
      return [architecture, variant];
  }
}

function encode(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('+', '%2B');
}
