import {
  choosePlatform,
  formatPlatform,
  formatPlatformDetails,
  isKnownPlatform,
  isMabuildError,
  normalizePlatform,
  type Platform,
  parsePlatform,
  parsePlatformList,
  platformSatisfies,
  platformsEqual,
} from '@mabuild/oci';
import { expect } from 'chai';
import { registryVectors } from '../support/vectors.ts';

/** The vectors were made on linux/amd64, from which containerd fills in what a one-word name leaves out. */
const vectorHost: Platform = { os: 'linux', architecture: 'amd64' };

describe('platform', () => {
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

  it('tells equal from satisfying', () => {
    const armv7: Platform = { os: 'linux', architecture: 'arm', variant: 'v7' };
    const arm: Platform = { os: 'linux', architecture: 'arm' };
    const armv6: Platform = { os: 'linux', architecture: 'arm', variant: 'v6' };
    expect(platformsEqual(armv7, arm)).to.equal(true);
    expect(platformsEqual(armv7, armv6)).to.equal(false);
    expect(platformSatisfies(armv6, armv7)).to.equal(true);
    expect(platformSatisfies(armv7, armv6)).to.equal(false);
    const windows: Platform = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.17763.1' };
    expect(platformsEqual(windows, { ...windows, 'os.version': '10.0.20348.1' })).to.equal(false);
  });

  it('matches Windows by build and not by revision', () => {
    const image = parsePlatform('windows(10.0.17763.5)/amd64');
    expect(platformSatisfies(image, parsePlatform('windows(10.0.17763.1)/amd64'))).to.equal(true);
    expect(platformSatisfies(image, parsePlatform('windows(10.0.20348.1)/amd64'))).to.equal(false);
    expect(platformSatisfies(image, parsePlatform('windows/amd64'))).to.equal(true);
  });

  it('never chooses an entry without a platform or an attestation', () => {
    const unknown: Platform = { os: 'unknown', architecture: 'unknown' };
    expect(choosePlatform([undefined, unknown], unknown)).to.equal(undefined);
    expect(choosePlatform([undefined, unknown, vectorHost], vectorHost)).to.equal(2);
    expect(choosePlatform([], vectorHost)).to.equal(undefined);
    const armOnly = [parsePlatform('linux/arm/v6')];
    expect(choosePlatform(armOnly, parsePlatform('linux/arm/v7'))).to.equal(0);
    expect(choosePlatform(armOnly, parsePlatform('linux/arm/v7'), { strict: true })).to.equal(undefined);
  });

  it('is not made slow by a variant with a great number', () => {
    for (const architecture of ['arm', 'arm64', 'amd64']) {
      const host = { os: 'linux', architecture, variant: 'v999999999' };
      expect(platformSatisfies(host, host)).to.equal(true);
      expect(platformSatisfies({ os: 'linux', architecture, variant: 'v9.99999999' }, host)).to.equal(false);
    }
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

interface MatchVector {
  readonly host: string;
  readonly image: string;
  readonly containerd_only: boolean;
  readonly containerd_onlyStrict: boolean;
}

registryVectors<MatchVector>('platform-match.json', {
  title: ({ image, host }) => `${image} on ${host}`,
  check(row) {
    const [image, host] = [parsePlatform(row.image), parsePlatform(row.host)];
    expect(platformSatisfies(image, host)).to.equal(row.containerd_only);
    expect(platformSatisfies(image, host, { strict: true })).to.equal(row.containerd_onlyStrict);
  },
});

interface SelectVector {
  readonly list: string;
  readonly host: string;
  readonly entries: readonly string[];
  readonly containerd_index: number | null;
}

registryVectors<SelectVector>('platform-select.json', {
  title: ({ list, host }) => `${list} on ${host}`,
  check({ entries, host, containerd_index }) {
    const platforms = entries.map((entry) => parsePlatform(entry));
    expect(choosePlatform(platforms, parsePlatform(host)) ?? null).to.equal(containerd_index);
  },
});
