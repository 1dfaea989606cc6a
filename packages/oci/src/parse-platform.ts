import { MabuildError } from './error.ts';
import { normalizePlatform, type Platform, platformsEqual } from './platform.ts';

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
