import { MabuildError } from './error.ts';

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

const knownSystems: ReadonlySet<string> = new Set(
  'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris wasip1 windows zos'.split(
    ' ',
  ),
);
const knownArchitectures: ReadonlySet<string> = new Set(
  (
    '386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc ppc64 ' +
    'ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm'
  ).split(' '),
);

/** What people write for a platform that has another name; only used for hints. */
const misspellings: Readonly<Record<string, string>> = {
  armv5: 'linux/arm/v5',
  armv6: 'linux/arm/v6',
  armv6l: 'linux/arm/v6',
  arm32v6: 'linux/arm/v6',
  armv7: 'linux/arm/v7',
  armv7l: 'linux/arm/v7',
  arm32: 'linux/arm/v7',
  arm32v7: 'linux/arm/v7',
  armv8: 'linux/arm64',
  arm64v8: 'linux/arm64',
  x64: 'linux/amd64',
  x86: 'linux/386',
  i586: 'linux/386',
  i686: 'linux/386',
  ppc64el: 'linux/ppc64le',
};

const systemPart = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$/;
const otherPart = /^[A-Za-z0-9_.-]+$/;

/**
 * Reads `os/arch[/variant]` or a common alias (`arm64`, `aarch64`, `armhf`); the result is normalised.
 *
 * `linux(6.1+gpu)/arm64` carries `os.version` and `os.features`. An operating system alone takes its processor from
 * `host`; a processor alone takes its system from `host`, `linux` without one.
 * @throws MabuildError `INVALID_PLATFORM`.
 */
export function parsePlatform(text: string, host?: Platform): Platform {
  const parts = text.split('/');
  const [first = '', architecture, variant] = parts;
  const system = systemPart.exec(first);
  if (parts.length > 3 || system === null || !parts.slice(1).every((part) => otherPart.test(part))) {
    throw invalidPlatform(text);
  }
  const os = system[1] ?? '';
  const osVersion = decode(text, system[2] ?? '');
  const osFeatures = (system[3] ?? '').split('+').slice(1);
  const details = {
    ...(osVersion === '' ? {} : { 'os.version': osVersion }),
    ...(osFeatures.length === 0 ? {} : { 'os.features': osFeatures.map((feature) => decode(text, feature)) }),
  };
  if (architecture !== undefined) {
    return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }), ...details });
  }
  const alone = normalizePlatform({ os, architecture: os, ...details });
  if (knownSystems.has(alone.os)) {
    if (host === undefined) {
      throw invalidPlatform(text, `name the processor too, e.g. ${alone.os}/arm64`);
    }
    const { architecture: hostArchitecture, variant: hostVariant } = normalizePlatform(host);
    return normalizePlatform({
      ...alone,
      architecture: hostArchitecture,
      ...(hostVariant === undefined ? {} : { variant: hostVariant }),
    });
  }
  if (knownArchitectures.has(alone.architecture) && osVersion === '' && osFeatures.length === 0) {
    return { ...alone, os: host?.os ?? 'linux' };
  }
  throw invalidPlatform(text);
}

/**
 * Reads a comma-separated list as `--platform` takes it; duplicates are dropped, names nobody knows are refused.
 * @throws MabuildError `INVALID_PLATFORM`.
 */
export function parsePlatformList(text: string, host?: Platform): Platform[] {
  const platforms: Platform[] = [];
  for (const name of text.split(',')) {
    const platform = parsePlatform(name.trim(), host);
    if (!isKnownPlatform(platform)) {
      throw invalidPlatform(name.trim());
    }
    if (!platforms.some((other) => platformsEqual(other, platform))) {
      platforms.push(platform);
    }
  }
  return platforms;
}

/** Tells whether Go, and so the container world, has a name for this system and this processor. */
export function isKnownPlatform(platform: Platform): boolean {
  const { os, architecture } = normalizePlatform(platform);
  return knownSystems.has(os) && knownArchitectures.has(architecture);
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
  const version = platform['os.version'] ?? '';
  const features = platform['os.features'] ?? [];
  return {
    os: os === 'macos' ? 'darwin' : os,
    architecture,
    ...(variant === '' ? {} : { variant }),
    ...(version === '' ? {} : { 'os.version': version }),
    ...(features.length === 0 ? {} : { 'os.features': [...features].sort() }),
  };
}

/** Tells whether two platforms are the same one, whatever names they go by. */
export function platformsEqual(a: Platform, b: Platform): boolean {
  return formatPlatformDetails(normalizePlatform(a)) === formatPlatformDetails(normalizePlatform(b));
}

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

function decode(text: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw invalidPlatform(text, 'a % in a version or feature is written %25', cause);
  }
}

function invalidPlatform(text: string, hint?: string, cause?: unknown): MabuildError {
  const meant = misspellings[text.toLowerCase().replace(/^linux\//, '')];
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  return new MabuildError(`${shown} is no platform`, {
    code: 'INVALID_PLATFORM',
    hint:
      hint ??
      (meant === undefined
        ? 'write os/architecture[/variant], e.g. linux/amd64, linux/arm64 or linux/arm/v7'
        : `write ${meant}`),
    cause,
  });
}
