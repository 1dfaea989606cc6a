import { type ImageReference, type Platform, parseReference } from '@mabuild/oci';
import { platformKey } from '../fixes/variation.ts';

/** How a vendor writes architectures into the names of images. */
interface VendorScheme {
  /** Where the scheme is shown. */
  readonly source: string;
  /** Matches `registry/repository:tag` that names an architecture; group 1 stands before its word, 2 is it, 3 stands behind. */
  readonly named: RegExp;
  /** Matches names without an architecture that have named ones beside them; the word goes between group 1 and group 2. */
  readonly plain?: RegExp;
  /** What stands around the word where it is put into a plain name. */
  readonly around?: readonly [string, string];
  /** The vendor's words; the first of a list is written, the others are read too. */
  readonly words: Readonly<Record<string, string>>;
  /** Names that a platform has, when it does not have them all. */
  readonly only?: Readonly<Record<string, RegExp>>;
  /** What is called without an architecture: an index of every platform that has a named image, or amd64 alone. */
  readonly without?: 'index' | 'amd64';
  /** Platforms that the vendor has given up, and what there is to say of it. */
  readonly ended?: Readonly<Record<string, string>>;
}

const bashbrew = {
  'linux/amd64': 'amd64',
  'linux/arm64': 'arm64v8',
  'linux/arm/v7': 'arm32v7',
};
const goarch = { 'linux/amd64': 'amd64', 'linux/arm64': 'arm64', 'linux/arm/v7': 'arm' };
const homeAssistant = {
  'linux/amd64': 'amd64',
  'linux/386': 'i386',
  'linux/arm64': 'aarch64',
  'linux/arm/v7': 'armv7',
  'linux/arm/v6': 'armhf',
};

/** The first scheme that matches decides. */
const schemes: readonly VendorScheme[] = [
  {
    source: 'lsiobase/xenial, xenial.arm64 and xenial.armhf in public Dockerfiles of 2016 to 2018',
    named: /^(docker\.io\/lsiobase\/xenial)(\.arm64|\.armhf)(:.+)$/,
    plain: /^(docker\.io\/lsiobase\/xenial)(:.+)$/,
    words: { 'linux/arm64': '.arm64', 'linux/arm/v7': '.armhf' },
    without: 'amd64',
  },
  {
    source:
      'prometheus/prometheus Dockerfile and Makefile.common: quay.io/prometheus/busybox-${OS}-${ARCH}, DOCKER_ARCHS amd64, armv7, arm64',
    named:
      /^((?:quay\.io\/prometheus|docker\.io\/prom)\/(?:busybox|prometheus|alertmanager|node-exporter)-linux-)(amd64|arm64|armv7)(:.+)$/,
    words: { 'linux/amd64': 'amd64', 'linux/arm64': 'arm64', 'linux/arm/v7': 'armv7' },
  },
  {
    source:
      'linuxserver.io blog 2019-02-21 (the plain tag is a manifest of amd64-, arm32v7- and arm64v8-); release notes of 2023: rebased to Alpine 3.18, armhf deprecated',
    named:
      /^((?:(?:ghcr|lscr|docker)\.io\/linuxserver|docker\.io\/lsiobase)\/[^:]+:)(amd64|arm64v8|arm32v7)(-.+)$/,
    // What comes before Alpine 3.8 has repositories of its own, below.
    plain:
      /^((?:(?:ghcr|lscr|docker)\.io\/linuxserver|docker\.io\/lsiobase)\/[^:]+:)(?!3\.[0-7](?![0-9]))(.+)$/,
    around: ['', '-'],
    words: bashbrew,
    only: {
      'linux/arm/v7':
        /^(?:ghcr\.io\/linuxserver\/baseimage|lscr\.io\/linuxserver\/baseimage|docker\.io\/lsiobase\/).*:(?:[a-z0-9]+-)?(?:3\.(?:[89]|1[0-7])|xenial|bionic|focal|jammy)(?![0-9.])/,
    },
    without: 'index',
    ended: { 'linux/arm/v7': 'linuxserver.io ended 32-bit ARM in July 2023' },
  },
  {
    source: 'Dockerfiles of linuxserver of 2017 and 2018 in public repositories',
    named: /^(docker\.io\/lsiobase\/(?:alpine|ubuntu))(\.arm64|\.armhf)((?:\.[a-z0-9.]+)?:.+)$/,
    plain: /^(docker\.io\/lsiobase\/alpine(?:\.[a-z0-9.]+)?)(:3\.[5-7])$/,
    words: { 'linux/arm64': '.arm64', 'linux/arm/v7': '.armhf' },
    without: 'amd64',
  },
  {
    source:
      'dotnet/dotnet-docker README.runtime.md and its kin of 2018 to 2021: 3.1-buster-slim is for amd64, beside 3.1-buster-slim-arm64v8, 3.1-alpine3.13-arm64v8, 2.1-stretch-slim-arm32v7; 3.1 alone is for all',
    named:
      /^(mcr\.microsoft\.com\/dotnet\/(?:core\/)?(?:runtime|runtime-deps|aspnet|sdk):[23]\..+-)(arm64v8|arm32v7)()$/,
    plain:
      /^(mcr\.microsoft\.com\/dotnet\/(?:core\/)?(?:runtime|runtime-deps|aspnet|sdk):(?:3\.[01](?:\.[0-9]+)?-(?:buster-slim|buster|bionic|focal|alpine[0-9.]*)|2\.[12](?:\.[0-9]+)?-(?:stretch-slim|stretch|bionic|alpine[0-9.]*)))()$/,
    around: ['-', ''],
    words: { 'linux/arm64': 'arm64v8', 'linux/arm/v7': 'arm32v7' },
    only: { 'linux/arm64': /:3\./, 'linux/arm/v7': /^(?!.*alpine).*$/ },
    without: 'amd64',
  },
  {
    source:
      'dotnet/dotnet-docker README.runtime.md, README.sdk.md, README.aspnet.md: 8.0-bookworm-slim-arm32v7, 8.0-alpine3.18-arm32v7; the same without a suffix are multi-platform tags',
    named:
      /^(mcr\.microsoft\.com\/dotnet\/(?:runtime|runtime-deps|aspnet|sdk|monitor|samples):(?!.*(?:nanoserver|windowsservercore)).+-)(amd64|arm64v8|arm32v7)()$/,
    words: bashbrew,
    // Neither Azure Linux nor .NET 5 on Alpine is there for 32-bit ARM.
    only: { 'linux/arm/v7': /^(?!.*(?:azurelinux|mariner|:5\.0[^:]*-alpine)).*$/ },
    without: 'index',
  },
  {
    source:
      'learn.microsoft.com, Azure IoT Edge: mcr.microsoft.com/azureiotedge-hub:1.0.4-linux-arm32v7 and its kin',
    named:
      /^((?:mcr\.microsoft\.com|docker\.io\/azureiotedge)\/azureiotedge-[^:]+:.+-linux-)(amd64|arm64v8|arm32v7)()$/,
    words: bashbrew,
  },
  {
    source:
      'GoogleContainerTools/distroless README.md: nonroot-amd64, latest-arm64 and their kin; the same without a suffix are indexes; 32-bit ARM for static, base, cc and nodejs',
    named: /^(gcr\.io\/distroless\/[^:]+:[a-z0-9-]+-)(amd64|arm64|arm)()$/,
    words: goarch,
    only: { 'linux/arm/v7': /distroless\/(?:static|base|cc|nodejs)/ },
    without: 'index',
  },
  {
    source: "balena's base images: balenalib/<arch>-<distribution>, docs.balena.io",
    named: /^(docker\.io\/balenalib\/)(amd64|aarch64|armv7hf|rpi)(-(?:alpine|debian|ubuntu|fedora).*)$/,
    words: {
      'linux/amd64': 'amd64',
      'linux/arm64': 'aarch64',
      'linux/arm/v7': 'armv7hf',
      'linux/arm/v6': 'rpi',
    },
    only: { 'linux/arm/v6': /\/[a-z0-9]+-(?:alpine|debian)/ },
  },
  {
    // Alpine had no other 32-bit ARM then: its armhf is ARMv6 and runs on ARMv7.
    source:
      'docs.resin.io, resin base images, 2017: resin/armhf-alpine with the tags 3.2 to 3.5, latest and edge, no Alpine for aarch64; resin/armv7hf-alpine:3.8 in public Dockerfiles of 2018',
    named: /^(docker\.io\/resin\/)(amd64|armhf)(-alpine(?!.*3\.(?:[89]|1\d)).*)$/,
    words: { 'linux/amd64': 'amd64', 'linux/arm/v7': 'armhf', 'linux/arm/v6': 'armhf' },
  },
  {
    source: 'resin/amd64-, aarch64-, armv7hf- and rpi-… in public Dockerfiles of 2015 to 2018',
    named:
      /^(docker\.io\/resin\/)(amd64|aarch64|armv7hf|rpi)(-(?:alpine|debian|ubuntu|node|python|golang).*)$/,
    words: {
      'linux/amd64': 'amd64',
      'linux/arm64': 'aarch64',
      'linux/arm/v7': 'armv7hf',
      'linux/arm/v6': 'rpi',
    },
    // Debian itself has no ARMv6: that was resin/rpi-raspbian.
    only: { 'linux/arm/v6': /\/[a-z0-9]+-(?:alpine|node|python|golang)/ },
  },
  {
    source: 'home-assistant/docker-base build.yaml; 32-bit images ended in 2025',
    named:
      /^((?:docker\.io\/homeassistant|ghcr\.io\/home-assistant)\/)(amd64|i386|aarch64|armv7|armhf)(-base(?:-[a-z]+)?:.+)$/,
    words: homeAssistant,
    only: {
      'linux/arm/v7':
        /:(?:.*alpine)?3\.(?:[0-9]|1[0-9]|2[01])(?![0-9.])|-debian:(?:buster|bullseye|bookworm)/,
      'linux/arm/v6': /:(?:.*alpine)?3\.(?:[0-9]|1[0-9]|2[01])(?![0-9.])/,
    },
  },
  {
    source: 'hassio-addons/addon-base build.yaml: base/amd64:14.0.0, aarch64, armv7, armhf',
    named:
      /^(ghcr\.io\/hassio-addons\/(?:base|debian-base|ubuntu-base|base-python)\/)(amd64|i386|aarch64|armv7|armhf)(:.+)$/,
    words: homeAssistant,
    only: {
      'linux/arm/v7': /:v?(?:[0-9]|1[0-4])\./,
      'linux/arm/v6': /\/base\/[a-z0-9]+:v?(?:[0-9]|1[0-4])\./,
    },
  },
  {
    source: 'hub.docker.com: hassioaddons/base-amd64, base-aarch64, base-armv7, base-armhf',
    named: /^(docker\.io\/hassioaddons\/base-)(amd64|i386|aarch64|armv7|armhf)(:.+)$/,
    words: homeAssistant,
    only: { 'linux/arm/v7': /:v?[0-9]+\./, 'linux/arm/v6': /:v?[0-9]+\./ },
  },
  {
    // Alpine's armhf is ARMv6 and runs on ARMv7.
    source:
      'multiarch/alpine: amd64-v3.12, x86_64-latest-stable, aarch64-edge, armhf-edge in public Dockerfiles',
    named: /^(docker\.io\/multiarch\/alpine:)(amd64|x86_64|aarch64|arm64|armhf)(-.+)$/,
    words: {
      'linux/amd64': 'amd64 x86_64',
      'linux/arm64': 'aarch64 arm64',
      'linux/arm/v7': 'armhf',
      'linux/arm/v6': 'armhf',
    },
  },
  {
    source:
      'multiarch/debian-debootstrap and ubuntu-debootstrap: amd64-, arm64-, armhf-… in public Dockerfiles',
    named: /^(docker\.io\/multiarch\/(?:debian|ubuntu)-debootstrap:)(amd64|arm64|armhf)(-.+)$/,
    words: { 'linux/amd64': 'amd64', 'linux/arm64': 'arm64', 'linux/arm/v7': 'armhf' },
  },
  {
    source:
      'drone-plugins: Dockerfile.linux.amd64, .arm64 and .arm over plugins/base:linux-amd64, linux-arm64, linux-arm',
    named: /^(docker\.io\/plugins\/[^:]+:(?:[^:]+-)?linux-)(amd64|arm64|arm)()$/,
    words: goarch,
  },
  {
    source: 'portainer/portainer: linux-amd64, linux-arm64, linux-arm, linux-arm-1.24.1 in public scripts',
    named: /^(docker\.io\/portainer\/portainer:linux-)(amd64|arm64|arm)((?:-.+)?)$/,
    words: goarch,
  },
  {
    source:
      'gitlab-org/gitlab-runner Makefile and public configurations: x86_64-, arm64-, arm-, alpine3.21-x86_64-',
    named:
      /^((?:docker\.io\/gitlab|registry\.gitlab\.com\/gitlab-org\/gitlab-runner)\/gitlab-runner-helper:(?:alpine[0-9.]*-|ubuntu-)?)(x86_64|arm64|arm)(-.+)$/,
    words: { 'linux/amd64': 'x86_64', 'linux/arm64': 'arm64', 'linux/arm/v7': 'arm' },
  },
  {
    source:
      'Makefiles of Kubernetes: k8s.gcr.io/debian-base-amd64, -arm, -arm64; kube-proxy-arm64, etcd-arm64, pause-arm64',
    named:
      /^((?:(?:k8s\.gcr\.io|registry\.k8s\.io)\/(?:build-image\/)?|gcr\.io\/google[_-]containers\/)(?:debian-base|debian-iptables|etcd|hyperkube|pause|kube-apiserver|kube-controller-manager|kube-proxy|kube-scheduler|k8s-dns-[a-z-]+|kubernetes-dashboard)-)(amd64|arm64|arm)(:.+)$/,
    words: goarch,
  },
  {
    source: 'adoptopenjdk/openjdk11:armv7l-ubuntu-jre-11.0.8_10 and aarch64-, x86_64- in public Dockerfiles',
    named:
      /^(docker\.io\/adoptopenjdk\/openjdk(?:8|11):)(x86_64|aarch64|armv7l)(-(?:ubuntu|debian|debianslim|centos)-(?!.*openj9).+)$/,
    words: { 'linux/amd64': 'x86_64', 'linux/arm64': 'aarch64', 'linux/arm/v7': 'armv7l' },
  },
];

/** An image of a vendor that names architectures. */
export interface VendorImage {
  /** The platform that the name says; `undefined` when it says none. */
  readonly platform: string | undefined;
  /** The image's name for a platform by {@link platformKey}; `undefined` when none is known. */
  nameFor(platform: Platform): ImageReference | undefined;
  /** The name without an architecture, when that is an index with the platforms that are known. */
  readonly index: ImageReference | undefined;
  /** Why the index no longer has a platform; `undefined` when nothing of the kind is known. */
  endedOn(platform: Platform): string | undefined;
}

/** Reads how a vendor names an image's architecture; `undefined` for vendors that are not known. */
export function readVendorImage(reference: ImageReference): VendorImage | undefined {
  // A digest names one content: under another name there is no such thing.
  if (reference.digest !== undefined) return undefined;
  const name = `${reference.registry}/${reference.repository}:${reference.tag ?? 'latest'}`;
  for (const scheme of schemes) {
    const named = scheme.named.exec(name);
    if (named) return vendorImage(scheme, named[1] ?? '', named[2], named[3] ?? '');
    const plain = scheme.plain?.exec(name);
    if (plain) return vendorImage(scheme, plain[1] ?? '', undefined, plain[2] ?? '');
  }
  return undefined;
}

function vendorImage(
  scheme: VendorScheme,
  before: string,
  word: string | undefined,
  behind: string,
): VendorImage {
  const { words, only, around = ['', ''], without } = scheme;
  const platform = Object.keys(words).find(
    (key) => word !== undefined && words[key]?.split(' ').includes(word),
  );
  const bare = bareName(scheme, before, word, behind);
  return {
    platform: platform ?? (word === undefined && without === 'amd64' ? 'linux/amd64' : undefined),
    nameFor: (wanted) => {
      const key = platformKey(wanted);
      if (key === 'linux/amd64' && word === undefined) return parseReference(bare);
      const [text] = words[key]?.split(' ') ?? [];
      if (text === undefined) {
        return key === 'linux/amd64' && without !== undefined ? parseReference(bare) : undefined;
      }
      if (only?.[key]?.test(before + (word ?? '') + behind) === false) return undefined;
      const [left, right] = word === undefined ? around : ['', ''];
      return parseReference(before + left + text + right + behind);
    },
    index: without === 'index' ? parseReference(bare) : undefined,
    endedOn: (wanted) => (word === undefined ? scheme.ended?.[platformKey(wanted)] : undefined),
  };
}

/** The name without the word and without the dash that joined it. */
function bareName(scheme: VendorScheme, before: string, word: string | undefined, behind: string): string {
  if (word === undefined) return before + behind;
  const [left, right] = scheme.around ?? (behind === '' ? ['-', ''] : ['', '']);
  const head = left !== '' && before.endsWith(left) ? before.slice(0, -left.length) : before;
  return head + (right !== '' && behind.startsWith(right) ? behind.slice(right.length) : behind);
}
