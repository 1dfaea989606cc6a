import { x86OnlyDistroPackage } from '../../../packages/core/src/rules/x86-only-distro-package.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

const dropped = (text: string): string => `error auto: ${text} → `;

ruleTable(x86OnlyDistroPackage, [
  { text: 'RUN apt-get install -y vainfo i965-va-driver', all: dropped('i965-va-driver') },
  { text: 'RUN apt-get install -y intel-microcode=3.20 curl', all: dropped('intel-microcode=3.20') },
  {
    text: 'FROM ubuntu:22.04\nRUN apt-get install intel-media-va-driver:amd64',
    all: dropped('intel-media-va-driver:amd64'),
  },
  { text: 'ENV P="msr-tools git"\nRUN apt-get install $P', all: dropped('msr-tools') },
  { text: 'RUN p="git cpuid"; apt-get install $p', all: dropped('cpuid') },
  // What a loop and an array name.
  { text: 'RUN for p in git cpuid; do apt-get install -y "$p"; done', all: dropped('cpuid') },
  {
    text: 'SHELL ["/bin/bash", "-c"]\nRUN p=(git \\\n  cpuid) && apt-get install -y "${p[@]}"',
    all: dropped('cpuid'),
  },
  {
    text: 'RUN for p in git cpuid; do if [ "$(uname -m)" = x86_64 ]; then apt-get install -y $p; fi; done',
  },
  { text: 'RUN for p in git cpuid; do apt-get install -y lib$p "${p%d}"; echo $p; done' },
  // A shell that reads its commands.
  { text: 'RUN bash -e <<EOF\napt-get install -y cpuid git\nEOF', all: dropped('cpuid') },
  {
    text: "RUN a && sudo sh -ex -o pipefail <<-'EOF' && b\n\tapt-get install -y cpuid\n\tEOF",
    all: dropped('cpuid'),
  },
  { text: 'RUN bash -s x <<EOF\napt-get install -y cpuid git\nEOF', all: dropped('cpuid') },
  { text: 'RUN <<EOF bash -e\napt-get install -y cpuid git\nEOF', all: dropped('cpuid') },
  { text: 'RUN cat <<EOF | sudo bash\napt-get install -y cpuid git\nEOF', all: dropped('cpuid') },
  { text: 'RUN cat <<EOF | tee x\napt-get install -y cpuid git\nEOF' },
  { text: 'RUN cat - x <<EOF | bash\napt-get install -y cpuid git\nEOF' },
  { text: 'RUN bash x.sh <<EOF\napt-get install -y cpuid git\nEOF' },
  { text: "RUN bash -c 'cat' <<EOF\napt-get install -y cpuid git\nEOF" },
  { text: 'RUN cat <<EOF\napt-get install -y cpuid git\nEOF' },
  // Lines that go on with another character.
  { text: '# escape=`\nFROM debian:12\nRUN apt-get install -y `\n  cpuid git', all: dropped('cpuid') },
  {
    text: '# escape=`\nFROM x\nSHELL ["/bin/sh", "-c"]\nRUN apt-get install -y `\n  cpuid git',
    all: dropped('cpuid'),
  },
  { text: '# escape=`\nFROM x\nRUN apt-get install -y `\n  cpuid git' },
  { text: '# escape=`\nFROM python:3.12-windowsservercore AS b\nFROM b\nRUN apt-get install -y cpuid git' },
  { text: 'FROM rockylinux:9\nRUN dnf install -y microcode_ctl git', all: dropped('microcode_ctl') },
  { text: 'FROM rockylinux:9\nRUN dnf install -y microcode_ctl', all: 'error none: microcode_ctl' },
  {
    text: 'FROM debian:12\nRUN apt-get install google-chrome-stable',
    arm64: 'error semi: google-chrome-stable → chromium',
    v7: 'error semi: google-chrome-stable → chromium',
    v6: 'error none: google-chrome-stable',
  },
  {
    text: 'FROM node:20\nRUN apt-get install google-chrome-stable\nENV CHROME_BIN=/usr/bin/google-chrome',
    arm64: 'error suggest: google-chrome-stable → chromium',
    v7: 'error suggest: google-chrome-stable → chromium',
    v6: 'error none: google-chrome-stable',
  },
  {
    text: 'FROM node:20\nRUN echo "deb http://dl.google.com/linux/chrome/deb/ stable main" > /etc/apt/sources.list.d/google-chrome.list && apt-get install google-chrome-stable',
    arm64: 'error semi: google-chrome-stable → chromium',
    v7: 'error semi: google-chrome-stable → chromium',
    v6: 'error none: google-chrome-stable',
  },
  {
    text: 'FROM ubuntu:24.04\nRUN apt-get install google-chrome-stable',
    all: 'error none: google-chrome-stable',
  },
  { text: 'RUN apt-get install grub-pc syslinux', all: 'error none: grub-pc; error none: syslinux' },
  {
    text: 'FROM ubuntu:20.04\nRUN apt-get install mongodb-org',
    v7: 'error none: mongodb-org',
    v6: 'error none: mongodb-org',
  },
  {
    text: 'RUN apt-get install libc6:amd64 zlib1g:amd64=1.2',
    all: 'error auto: :amd64 → ; error auto: :amd64 → ',
  },
  { text: 'RUN dpkg --add-architecture amd64 && apt-get install libc6:amd64' },
  // What a release of Debian lacks.
  {
    text: 'FROM debian:13\nRUN apt-get install ceph-common',
    v7: 'error none: ceph-common',
    v6: 'error none: ceph-common',
  },
  { text: 'FROM debian:12\nRUN apt-get install ceph-common', all: '' },
  {
    text: 'FROM debian:bookworm-slim\nRUN apt-get install open-vm-tools',
    v7: 'error none: open-vm-tools',
  },
  {
    text: 'FROM debian:bullseye\nRUN apt-get install open-vm-tools',
    arm64: 'error none: open-vm-tools',
    v7: 'error none: open-vm-tools',
  },
  {
    text: 'FROM ubuntu:22.04\nRUN apt-get install libquadmath0',
    arm64: 'warning none: libquadmath0',
    v7: 'warning none: libquadmath0',
  },
  { text: 'FROM ubuntu:22.04\nRUN apt-get install open-vm-tools', v7: 'warning none: open-vm-tools' },
  // Who adds a repository may get it from there.
  {
    text: 'FROM debian:bookworm\nRUN echo deb https://a.example ./ > /etc/apt/sources.list.d/a.list && apt-get install open-vm-tools',
    v7: 'warning none: open-vm-tools',
  },
  {
    text: 'FROM debian:12\nADD https://example.org/criu.list /etc/apt/sources.list.d/\nRUN apt-get install criu',
    v7: 'warning none: criu',
  },
  {
    text: 'FROM debian:buster\nRUN apt-get install libquadmath0',
    arm64: 'warning none: libquadmath0',
    v7: 'warning none: libquadmath0',
  },
  {
    text: 'FROM debian:buster\nRUN apt-get install open-vm-tools',
    v7: 'warning none: open-vm-tools',
  },
  // Nothing to say.
  {
    text: 'RUN apt-get install vainfo mesa-va-drivers ocl-icd-libopencl1 nasm yasm dmidecode=3 isolinux',
    v6: 'error none: dmidecode=3',
  },
  { text: 'RUN apt-cache search i965-va-driver; echo apt-get install intel-microcode; apt-get purge cpuid' },
  { text: 'RUN if [ "$(uname -m)" = x86_64 ]; then apt-get install i965-va-driver; fi' },
  { text: 'RUN case "$(dpkg --print-architecture)" in amd64) p=i965-va-driver;; esac; apt-get install $p' },
  { text: 'FROM --platform=$BUILDPLATFORM debian:12\nRUN apt-get install syslinux' },
  { text: 'FROM debian:12 AS x86_64\nRUN apt-get install syslinux' },
  { text: 'RUN apt-get install gcc-multilib libc6:i386 wine32' },
  { text: 'RUN apt-get install -t cpuid -o syslinux git' },
  { text: '# apt-get install syslinux\nRUN true' },
]);

migratesOnce(x86OnlyDistroPackage, [
  [
    'FROM debian:12\nRUN apt-get install -y a intel-media-va-driver b\n',
    `FROM debian:12
ARG TARGETARCH
ARG TARGETVARIANT
RUN case "$TARGETARCH$TARGETVARIANT" in \\
      amd64*) package=intel-media-va-driver ;; \\
      arm64*) package= ;; \\
      armv7*) package= ;; \\
      armv6*) package= ;; \\
      *) echo "unsupported platform: \${TARGETARCH:-none, build with BuildKit}$TARGETVARIANT" >&2; exit 1 ;; \\
    esac; \\
    apt-get install -y a \${package} b
`,
  ],
  ['FROM debian:12\nRUN apt-get install -y \\\n    intel-microcode \\\n    curl \\\n    "i965-va-driver"\n'],
  ['FROM debian:12\nRUN apt-get install -y libc6:amd64 git\n'],
  ['FROM debian:12\nRUN p="git cpuid"; apt-get install $p\n'],
  ['FROM debian:12\nRUN for p in git cpuid; do apt-get install $p; done\n'],
  ['FROM debian:12\nRUN cat <<EOF | bash\napt-get install git cpuid\nEOF\n'],
  ['FROM debian:12\nRUN bash <<EOF\napt-get install git cpuid\nEOF\n'],
  ["FROM debian:12\nRUN bash <<'EOF'\napt-get install git cpuid\nEOF\n"],
  ['# escape=`\nFROM debian:12\nRUN apt-get install `\n    git `\n    cpuid\n'],
  ['FROM debian:12\nENV P="msr-tools git"\nRUN apt-get install $P\n'],
  ['FROM debian:12\nRUN apt-get install -y google-chrome-stable\n'],
]);
