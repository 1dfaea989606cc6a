import {
  formatPlatform,
  formatPlatformDetails,
  isKnownPlatform,
  isMabuildError,
  normalizePlatform,
  type Platform,
  parsePlatform,
  parsePlatformList,
} from '@mabuild/oci';
import { expect } from 'chai';
import { registryVectors } from '../support/vectors.ts';

/** The vectors were made on linux/amd64, from which containerd fills in what a one-word name leaves out. */
const vectorHost: Platform = { os: 'linux', architecture: 'amd64' };

describe('a platform in words', () => {
  const names: readonly (readonly [string, string])[] = [
    ['arm', 'linux/arm/v7'],
    ['linux/arm', 'linux/arm/v7'],
    ['armhf', 'linux/arm/v7'],
    ['armel', 'linux/arm/v6'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/v9.0', 'linux/arm64/v9'],
    ['x86_64', 'linux/amd64'],
    ['macos/arm64', 'darwin/arm64'],
  ];
  for (const [name, expected] of names) {
    it(`reads ${name} as ${expected}`, () => {
      expect(formatPlatform(parsePlatform(name))).to.equal(expected);
    });
  }

  const bad: readonly (readonly [string, RegExp])[] = [
    ['', /write os\/architecture/],
    ['linux', /name the processor too/],
    ['all', /write os\/architecture/],
    ['armv7', /write linux\/arm\/v7/],
    ['linux/*', /write os/],
    ['linux//v7', /write os/],
    ['linux/arm/v7/x', /write os/],
    ['linux(50%zz)/arm64', /%25/],
    ['linux/amd64 ', /write os/],
    [`linux/${'a/'.repeat(10_000)}`, /write os/],
  ];
  for (const [name, hint] of bad) {
    it(`refuses ${JSON.stringify(name.slice(0, 30))}`, () => {
      expect(() => parsePlatform(name))
        .to.throw()
        .that.satisfies((error: unknown) => {
          expect(error).to.have.property('code', 'INVALID_PLATFORM');
          expect(isMabuildError(error) && error.hint).to.match(hint);
          return true;
        });
    });
  }

  it('reads a list, drops duplicates and refuses names that nobody knows', () => {
    const list = parsePlatformList('linux/amd64, arm64,linux/arm/v7,armhf');
    expect(list.map(formatPlatform)).to.deep.equal(['linux/amd64', 'linux/arm64', 'linux/arm/v7']);
    for (const [text, hint] of [
      ['linux/armv7', 'write linux/arm/v7'],
      ['linux/i686', 'write linux/386'],
      ['amd64/linux', undefined],
      ['linux/amd64,', undefined],
      ['', undefined],
    ] as const) {
      expect(() => parsePlatformList(text), text)
        .to.throw()
        .that.has.property('code', 'INVALID_PLATFORM');
      if (hint !== undefined) {
        expect(() => parsePlatformList(text))
          .to.throw()
          .that.has.property('hint', hint);
      }
    }
  });

  it('knows which platforms have a name in Go', () => {
    expect(isKnownPlatform({ os: 'linux', architecture: 'riscv64' })).to.equal(true);
    expect(isKnownPlatform({ os: 'linux', architecture: 'armv7' })).to.equal(false);
  });
});

interface ParseVector {
  readonly input: string;
  readonly containerd: {
    readonly ok: boolean;
    readonly format?: string;
    readonly formatAll?: string;
    readonly normalized?: Platform;
    readonly platform?: Platform;
  };
}

registryVectors<ParseVector>('platform-parse.json', {
  title: ({ input }) => JSON.stringify(input),
  check({ input, containerd }) {
    if (!containerd.ok) {
      expect(() => parsePlatform(input, vectorHost))
        .to.throw()
        .that.has.property('code', 'INVALID_PLATFORM');
      return;
    }
    const platform = parsePlatform(input, vectorHost);
    expect(platform).to.deep.equal(containerd.normalized);
    expect(normalizePlatform(containerd.platform!)).to.deep.equal(containerd.normalized);
    expect(formatPlatform(containerd.platform!)).to.equal(containerd.format);
    expect(formatPlatformDetails(containerd.platform!)).to.equal(containerd.formatAll);
    expect(parsePlatform(formatPlatformDetails(platform))).to.deep.equal(platform);
  },
});
