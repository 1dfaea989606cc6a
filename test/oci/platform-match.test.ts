import {
  choosePlatform,
  type Platform,
  parsePlatform,
  platformSatisfies,
  platformsEqual,
} from '@mabuild/oci';
import { expect } from 'chai';
import { registryVectors } from '../support/vectors.ts';

const amd64: Platform = { os: 'linux', architecture: 'amd64' };

describe('platforms that match', () => {
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
    expect(choosePlatform([undefined, unknown, amd64], amd64)).to.equal(2);
    expect(choosePlatform([], amd64)).to.equal(undefined);
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
