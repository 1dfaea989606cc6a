import { formatPlatform, normalizePlatform, type Platform } from '@mabuild/oci';

/** The platforms that a vocabulary names, in the order of its columns. */
const columns: readonly string[] = [
  'linux/amd64',
  'linux/386',
  'linux/arm64',
  'linux/arm/v7',
  'linux/arm/v6',
  'linux/arm/v5',
];

/**
 * What each ecosystem calls a processor; `-`: it has no name for it, or no single one.
 * Sources: tonistiigi/xx:src/xx-info, docker-library/bashbrew:architecture/oci-platform.go,
 * containerd/platforms:database.go, dpkg's cputable and tupletable, Alpine's APKBUILD reference, Rust's platform support
 * page, .NET's RID catalog, goreleaser's and balena's documentation.
 */
const vocabularies = {
  goarch: 'amd64 386 arm64 arm arm arm',
  /** TARGETARCH and TARGETVARIANT written together. */
  docker: 'amd64 386 arm64 armv7 armv6 armv5',
  bashbrew: 'amd64 i386 arm64v8 arm32v7 arm32v6 arm32v5',
  uname: 'x86_64 i686 aarch64 armv7l armv6l armv5tel',
  /** Debian's and Ubuntu's: armhf is ARMv7; Raspbian, whose armhf is ARMv6, is not meant. Debian's armel is ARMv5. */
  dpkg: 'amd64 i386 arm64 armhf armel armel',
  /** Raspbian's armhf runs on ARMv6. */
  raspbian: '- - arm64 armhf armhf -',
  /** Alpine's armhf is ARMv6. */
  apk: 'x86_64 x86 aarch64 armv7 armhf -',
  rpm: 'x86_64 i686 aarch64 armv7hl armv6hl armv5tel',
  'debian-multiarch':
    'x86_64-linux-gnu i386-linux-gnu aarch64-linux-gnu arm-linux-gnueabihf arm-linux-gnueabi arm-linux-gnueabi',
  /** The triple that GNU configure scripts print for a glibc system. */
  'gnu-triple':
    'x86_64-linux-gnu i686-linux-gnu aarch64-linux-gnu arm-linux-gnueabihf arm-linux-gnueabi arm-linux-gnueabi',
  'gnu-cross-prefix':
    'x86_64-linux-gnu- i686-linux-gnu- aarch64-linux-gnu- arm-linux-gnueabihf- arm-linux-gnueabi- arm-linux-gnueabi-',
  /** Alpine's triple. */
  'musl-triple':
    'x86_64-alpine-linux-musl i586-alpine-linux-musl aarch64-alpine-linux-musl armv7-alpine-linux-musleabihf armv6-alpine-linux-musleabihf -',
  'rust-gnu':
    'x86_64-unknown-linux-gnu i686-unknown-linux-gnu aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf arm-unknown-linux-gnueabihf armv5te-unknown-linux-gnueabi',
  'rust-musl':
    'x86_64-unknown-linux-musl i686-unknown-linux-musl aarch64-unknown-linux-musl armv7-unknown-linux-musleabihf arm-unknown-linux-musleabihf armv5te-unknown-linux-musleabi',
  'dotnet-rid': 'linux-x64 linux-x86 linux-arm64 linux-arm - -',
  'dotnet-rid-musl': 'linux-musl-x64 linux-musl-x86 linux-musl-arm64 linux-musl-arm - -',
  /** `process.arch`, and `cpu` in package.json. */
  node: 'x64 ia32 arm64 arm arm arm',
  /** The names of nodejs.org's archives. */
  'node-dist': 'x64 x86 arm64 armv7l armv6l -',
  'jvm-os-arch': 'amd64 i386 aarch64 arm arm arm',
  /** Names of JDK archives. */
  'jdk-dist': 'x64 x86-32 aarch64 arm - -',
  'conda-subdir': 'linux-64 linux-32 linux-aarch64 linux-armv7l linux-armv6l -',
  /** The end of `manylinux…`, `musllinux…` and `linux_…` wheel tags. */
  wheel: 'x86_64 i686 aarch64 armv7l armv6l -',
  'qemu-static':
    'qemu-x86_64-static qemu-i386-static qemu-aarch64-static qemu-arm-static qemu-arm-static qemu-arm-static',
  /** The `arch` and `Arm` of goreleaser's default name template. */
  goreleaser: 'amd64 386 arm64 armv7 armv6 armv5',
  balena: 'amd64 i386 aarch64 armv7hf rpi -',
  'ld-glibc':
    '/lib64/ld-linux-x86-64.so.2 /lib/ld-linux.so.2 /lib/ld-linux-aarch64.so.1 /lib/ld-linux-armhf.so.3 /lib/ld-linux.so.3 /lib/ld-linux.so.3',
  'ld-musl':
    '/lib/ld-musl-x86_64.so.1 /lib/ld-musl-i386.so.1 /lib/ld-musl-aarch64.so.1 /lib/ld-musl-armhf.so.1 /lib/ld-musl-armhf.so.1 /lib/ld-musl-arm.so.1',
} as const;

/** A way of naming processors. */
export type Vocabulary = keyof typeof vocabularies;

/** Every {@link Vocabulary}. */
export const vocabularyNames: readonly Vocabulary[] = Object.keys(vocabularies) as Vocabulary[];

/** What a vocabulary calls a platform; `undefined` when it has no word for it or several. */
export function nameIn(vocabulary: Vocabulary, platform: Platform | string): string | undefined {
  const key = typeof platform === 'string' ? platform : formatPlatform(normalizePlatform(platform));
  const name = vocabularies[vocabulary].split(' ')[columns.indexOf(key)];
  return name === '-' ? undefined : name;
}

/** The vocabularies that call x64 by this name, e.g. `x86_64`: uname, apk, rpm, wheel. */
export function vocabulariesOf(x64Name: string): readonly Vocabulary[] {
  return vocabularyNames.filter((vocabulary) => nameIn(vocabulary, 'linux/amd64') === x64Name);
}

/** The names of the 64-bit and of the 32-bit x86 processor in file names and addresses. */
export const x86Names: {
  readonly amd64: readonly string[];
  readonly i386: readonly string[];
} = {
  amd64: [
    'amd64',
    'x86_64',
    'x86-64',
    'x8664',
    'x64',
    'linux64',
    'linux-64',
    'linux_64',
    '64bit',
    '64-bit',
    'intel64',
    'em64t',
  ],
  i386: ['i386', 'i486', 'i586', 'i686', 'ia32', 'x86', '386', 'linux32', 'linux-32', '32bit', '32-bit'],
};

/** An architecture's name inside a text. */
export interface ArchToken {
  readonly start: number;
  readonly end: number;
  /** As it is written. */
  readonly token: string;
  readonly family: 'amd64' | 'i386';
}

// A name ends where letters and digits end. `linux64` is a name itself, so `linux` may touch the others.
const token =
  /(?<![A-Za-z0-9])(?:[Ll]inux)?(?:(amd64|AMD64|x86[_-]64|X86_64|x8664|[xX]64|[iI]ntel64|em64t|64-?[bB]it)|(i[3456]86|ia32|(?<=[-_/=])386|x86(?![_-]\d)|32-?[bB]it))(?![A-Za-z0-9])|(?<![A-Za-z0-9])([Ll]inux[-_]?64)(?![A-Za-z0-9]|-?[bB]it)|(?<![A-Za-z0-9])([Ll]inux[-_]?32)(?![A-Za-z0-9]|-?[bB]it)/g;

/** Finds the names of x86 processors in a text: `amd64` in `foo_linux-amd64.tar.gz`, nothing in `x64dbg`. */
export function archTokens(text: string): ArchToken[] {
  const found: ArchToken[] = [];
  // Every name has one of these numbers in it, and most texts have none: many rules ask about every word.
  if (!text.includes('64') && !text.includes('86') && !text.includes('32')) return found;
  for (const match of text.matchAll(token)) {
    const name = match[1] ?? match[2] ?? match[3] ?? match[4] ?? '';
    const end = match.index + match[0].length;
    const family = match[1] !== undefined || match[3] !== undefined ? 'amd64' : 'i386';
    found.push({ start: end - name.length, end, token: name, family });
  }
  return found;
}
