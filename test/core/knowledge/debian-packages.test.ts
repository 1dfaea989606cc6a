import { expect } from 'chai';
import {
  debianSuitesWithout,
  knownDebianSuites,
} from '../../../packages/core/src/knowledge/debian-packages.ts';
import { findX86Package } from '../../../packages/core/src/knowledge/distro-packages.ts';

const rows: readonly (readonly [name: string, architecture: string, suites: string])[] = [
  ['intel-microcode', 'arm64', 'bullseye bookworm trixie'],
  ['intel-microcode', 'armhf', 'bullseye bookworm trixie'],
  ['intel-microcode', 'armel', 'bookworm trixie'],
  ['open-vm-tools', 'arm64', 'bullseye'],
  ['chromium', 'armhf', ''],
  ['chromium', 'armel', 'bookworm trixie'],
  ['curl', 'arm64', ''],
  ['no-such-package', 'arm64', ''],
  ['curl', 'riscv64', ''],
];

describe('debianSuitesWithout', () => {
  for (const [name, architecture, suites] of rows) {
    it(`${name} ${architecture}`, () => {
      expect(debianSuitesWithout(name, architecture).join(' ')).to.equal(suites);
    });
  }

  it('names the releases that it knows', () => {
    expect(knownDebianSuites('arm64')).to.deep.equal(['bullseye', 'bookworm', 'trixie']);
    expect(knownDebianSuites('armel')).to.deep.equal(['bookworm', 'trixie']);
    expect(knownDebianSuites('riscv64')).to.deep.equal([]);
  });
});

describe('findX86Package', () => {
  it('knows names and beginnings of names, for their own package manager', () => {
    expect(findX86Package('apt', 'i965-va-driver')?.kind).to.equal('hardware');
    expect(findX86Package('apt', 'virtualbox-6.1')?.kind).to.equal('program');
    expect(findX86Package('apk', 'intel-media-driver')?.kind).to.equal('hardware');
    expect(findX86Package('apk', 'i965-va-driver')).to.equal(undefined);
    expect(findX86Package('apt', 'virtualboxy')).to.equal(undefined);
  });
});
