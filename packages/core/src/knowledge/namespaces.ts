import { formatPlatform, type ImageReference, normalizePlatform, type Platform } from '@mabuild/oci';

/** Docker Hub's name for official images of one architecture (bashbrew's words), and what it holds. */
const official: Readonly<Record<string, Platform>> = {
  amd64: { os: 'linux', architecture: 'amd64' },
  i386: { os: 'linux', architecture: '386' },
  arm32v5: { os: 'linux', architecture: 'arm', variant: 'v5' },
  arm32v6: { os: 'linux', architecture: 'arm', variant: 'v6' },
  arm32v7: { os: 'linux', architecture: 'arm', variant: 'v7' },
  arm64v8: { os: 'linux', architecture: 'arm64' },
  mips64le: { os: 'linux', architecture: 'mips64le' },
  ppc64le: { os: 'linux', architecture: 'ppc64le' },
  riscv64: { os: 'linux', architecture: 'riscv64' },
  s390x: { os: 'linux', architecture: 's390x' },
};

const v5: Platform = { os: 'linux', architecture: 'arm', variant: 'v5' };
const v6: Platform = { os: 'linux', architecture: 'arm', variant: 'v6' };
const v7: Platform = { os: 'linux', architecture: 'arm', variant: 'v7' };
const arm64: Platform = { os: 'linux', architecture: 'arm64' };
const amd64: Platform = { os: 'linux', architecture: 'amd64' };
const i386: Platform = { os: 'linux', architecture: '386' };

/** Namespaces of old that mirrored official images; Docker retired them in 2017. */
const mirrors: Readonly<Record<string, Platform>> = {
  armhf: v7,
  aarch64: arm64,
  armel: v5,
  armbuild: v7,
  armv7: v7,
};

/** Device images: the first word that matches names the processor. */
const deviceWords: readonly (readonly [RegExp, Platform])[] = [
  [/^(?:raspberrypi[345]-64|raspberrypi5|aarch64|arm64|jetson)/, arm64],
  [/^(?:rpi|raspberry-?pi$|raspberrypi-|raspbian|armv6)/, v6],
  [/^(?:armv7hf|armv7|raspberrypi[234]|raspberry-pi[234]|armhf|beaglebone|odroid)/, v7],
  [/^armv5e?/, v5],
  [/^(?:amd64|intel-nuc|qemux86-64)/, amd64],
  [/^(?:i386|qemux86)/, i386],
];
const deviceNamespaces: ReadonlySet<string> = new Set(['resin', 'balenalib', 'hypriot', 'multiarch']);

/** What the first part of an image's name says about its architecture. */
export interface ArchitectureNamespace {
  readonly namespace: string;
  readonly platform: Platform;
  /** `official`: Docker's own today; `legacy`: retired or no longer updated. */
  readonly kind: 'official' | 'legacy';
  /** The name without the namespace, where an official image of the same content is known to have it. */
  readonly plain: ImageReference | undefined;
}

/** The platform of a bashbrew architecture name, `arm32v7`. */
export function platformOfArchitecture(name: string): Platform | undefined {
  return Object.hasOwn(official, name) ? official[name] : undefined;
}

/** Docker Hub's namespace for official images of a platform: `arm32v7` for linux/arm/v7. */
export function officialNamespace(platform: Platform): string | undefined {
  const wanted = formatPlatform(normalizePlatform(platform));
  return Object.keys(official).find((name) => formatPlatform(official[name] as Platform) === wanted);
}

/** Reads an architecture from an image's namespace; `undefined` when it says nothing. */
export function readNamespace(reference: ImageReference): ArchitectureNamespace | undefined {
  const [namespace = '', name, more] = reference.repository.split('/');
  if (reference.registry !== 'docker.io' || name === undefined || more !== undefined) return undefined;
  const current = platformOfArchitecture(namespace);
  const plain: ImageReference = { ...reference, repository: `library/${name}` };
  if (current) return { namespace, platform: current, kind: 'official', plain };
  if (Object.hasOwn(mirrors, namespace)) {
    // Alpine's armhf is ARMv6, Debian's is ARMv7.
    const alpine = namespace === 'armhf' && (name === 'alpine' || /alpine/.test(reference.tag ?? ''));
    const platform = alpine ? v6 : (mirrors[namespace] as Platform);
    const mirrored = namespace === 'armhf' || namespace === 'aarch64' || namespace === 'armel';
    return { namespace, platform, kind: 'legacy', plain: mirrored ? plain : undefined };
  }
  if (!deviceNamespaces.has(namespace)) return undefined;
  const words = namespace === 'multiarch' ? [...(reference.tag ?? '').split('-'), name] : [name];
  for (const word of words) {
    const found = deviceWords.find(([pattern]) => pattern.test(word));
    if (found) return { namespace, platform: found[1], kind: 'legacy', plain: undefined };
  }
  return undefined;
}

/** The repository of an official image without `library/`; `undefined` for any other image. */
export function officialRepository(reference: ImageReference): string | undefined {
  const { registry, repository } = reference;
  if (registry !== 'docker.io' || !repository.startsWith('library/')) return undefined;
  return repository.slice('library/'.length);
}
