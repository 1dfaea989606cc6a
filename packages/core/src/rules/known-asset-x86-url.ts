import { urlFindings } from './download-finding.ts';
import type { Rule } from './rule.ts';

const name = 'known-asset-x86-url';

export const knownAssetX86Url: Rule = {
  name,
  summary: 'A RUN or ADD downloads a file that is made for x86.',
  page: {
    why: 'The image for ARM gets a program that its processor cannot run: the build works, the container does not. Each publisher names ARM in its own way, and 32-bit ARM in many.',
    bad: 'FROM debian:bookworm\nRUN curl -fsSL https://dl.google.com/go/go1.22.5.linux-amd64.tar.gz | tar -C /usr/local -xz',
    good: 'FROM debian:bookworm\nARG TARGETARCH\nARG TARGETVARIANT\nRUN case "$TARGETARCH$TARGETVARIANT" in \\\n      amd64*) arch=amd64 ;; \\\n      arm64*) arch=arm64 ;; \\\n      armv7*) arch=armv6l ;; \\\n      *) echo "unsupported platform: ${TARGETARCH:-none, build with BuildKit}$TARGETVARIANT" >&2; exit 1 ;; \\\n    esac; \\\n    curl -fsSL https://dl.google.com/go/go1.22.5.linux-${arch}.tar.gz | tar -C /usr/local -xz',
    perArch: {
      platform: 'linux/arm/v7',
      text: 'RUN curl -fsSL https://dl.google.com/go/go1.22.5.linux-armv6l.tar.gz | tar -C /usr/local -xz',
    },
    silent: [
      'The address is chosen by a case or if on the architecture.',
      'The stage is FROM --platform=$BUILDPLATFORM or is named for an architecture.',
      'The address is an index that is only read, such as …/binary-amd64/Packages.',
    ],
  },
  async check(dockerfile, context) {
    return urlFindings(name, dockerfile, context);
  },
};
