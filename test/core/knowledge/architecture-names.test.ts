import { expect } from 'chai';
import {
  archTokens,
  nameIn,
  type Vocabulary,
  vocabulariesOf,
  vocabularyNames,
  x86Names,
} from '../../../packages/core/src/knowledge/architecture-names.ts';
import { sharedDescribe, sharedJson } from '../../support/shared.ts';

describe('nameIn', () => {
  const rows: readonly (readonly [Vocabulary, string, string | undefined])[] = [
    ['dpkg', 'linux/arm/v7', 'armhf'],
    ['raspbian', 'linux/arm/v6', 'armhf'],
    ['apk', 'linux/arm/v6', 'armhf'],
    ['apk', 'linux/arm/v7', 'armv7'],
    ['dpkg', 'linux/arm/v5', 'armel'],
    ['goarch', 'linux/arm/v7', 'arm'],
    ['docker', 'linux/arm/v7', 'armv7'],
    ['uname', 'linux/arm64', 'aarch64'],
    ['rust-musl', 'linux/arm/v6', 'arm-unknown-linux-musleabihf'],
    ['debian-multiarch', 'linux/amd64', 'x86_64-linux-gnu'],
    ['raspbian', 'linux/amd64', undefined],
    ['dpkg', 'linux/s390x', undefined],
  ];
  for (const [vocabulary, platform, expected] of rows) {
    it(`${vocabulary} calls ${platform} ${expected}`, () => {
      expect(nameIn(vocabulary, platform)).to.equal(expected);
    });
  }

  it('takes a platform as an object, normalized', () => {
    expect(nameIn('dpkg', { os: 'linux', architecture: 'arm64', variant: 'v8' })).to.equal('arm64');
    expect(nameIn('dpkg', { os: 'linux', architecture: 'arm', variant: 'v7' })).to.equal('armhf');
  });

  it('has a column for each platform in every vocabulary', () => {
    for (const vocabulary of vocabularyNames)
      expect(nameIn(vocabulary, 'linux/arm64'), vocabulary).to.match(/^\S+$/);
  });

  it('says which vocabularies a name belongs to', () => {
    expect(vocabulariesOf('x86_64')).to.deep.equal(['uname', 'apk', 'rpm', 'wheel']);
    expect(vocabulariesOf('arm64')).to.deep.equal([]);
  });
});

describe('archTokens', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['foo_linux-amd64.tar.gz', ['amd64']],
    ['foo_1.0_amd64.deb', ['amd64']],
    ['https://host/x64/1.10/julia-1.10-linux-x86_64.tar.gz', ['x64', 'x86_64']],
    ['jq-linux64', ['linux64']],
    ['Linux-64bit', ['64bit']],
    ['vultr-cli_1.0_linux_64-bit.tar.gz', ['64-bit']],
    ['linux-x64', ['x64']],
    ['CONDA_SUBDIR=linux-64', ['linux-64']],
    ['node-v8-linux-x64/bin', ['x64']],
    ['platform=linux/amd64', ['amd64']],
    ['arch:amd64', ['amd64']],
    ['manylinux1_x86_64.whl', ['x86_64']],
    ['airupnp-x86-64', ['x86-64']],
    ['linuxx64', ['x64']],
    ['x86_64-linux-gnu', ['x86_64']],
    ['foo_i386.deb', ['i386']],
    ['linux-386.zip', ['386']],
    ['i686-linux-gnu', ['i686']],
    ['amd64', ['amd64']],
    ['x64dbg', []],
    ['maxx64x', []],
    ['1920x64', []],
    ['deadbeefamd64', []],
    ['0xamd64', []],
    ['camd64', []],
    ['amd64v2', []],
    ['version 1.386.0', []],
    [':386', []],
    ['x86_640', []],
    ['arm64', []],
    ['', []],
  ];
  for (const [text, expected] of rows) {
    it(JSON.stringify(text), () => {
      const found = archTokens(text);
      expect(found.map(({ token }) => token)).to.deep.equal(expected);
      for (const { start, end, token } of found) expect(text.slice(start, end)).to.equal(token);
    });
  }

  it('keeps 32 and 64 bits apart', () => {
    expect(archTokens('a-amd64 b-i386').map(({ family }) => family)).to.deep.equal(['amd64', 'i386']);
  });

  it('finds every listed name', () => {
    for (const [family, names] of Object.entries(x86Names))
      for (const name of names)
        expect(archTokens(`a-${name}-b`)[0], name).to.deep.include({ token: name, family });
  });

  it('is linear in the length', () => {
    expect(archTokens('linux'.repeat(200_000))).to.deep.equal([]);
    expect(archTokens('x86_'.repeat(200_000))).to.have.length(200_000);
    expect(archTokens('-amd64'.repeat(50_000))).to.have.length(50_000);
  });
});

sharedDescribe('the names and the collected facts', () => {
  const { naming } = sharedJson<{ naming: Record<string, Record<string, string | null>> }>(
    'data',
    'download-assets.json',
  );
  const pairs: readonly (readonly [string, Vocabulary])[] = [
    ['bashbrew/official-images', 'bashbrew'],
    ['GOARCH(+GOARM)', 'goarch'],
    ['uname -m', 'uname'],
    ['dpkg --print-architecture', 'dpkg'],
    ['apk --print-arch', 'apk'],
    ['rpm %_arch', 'rpm'],
    ['Debian multiarch tuple', 'debian-multiarch'],
    ['ld.so glibc', 'ld-glibc'],
    ['ld.so musl', 'ld-musl'],
    ['rust triple gnu', 'rust-gnu'],
    ['rust triple musl', 'rust-musl'],
    ['node process.arch / npm cpu', 'node'],
    ['.NET RID', 'dotnet-rid'],
    ['JVM os.arch / JDK dist', 'jvm-os-arch'],
    ['conda subdir', 'conda-subdir'],
    ['python wheel tag', 'wheel'],
    ['qemu-user static', 'qemu-static'],
    ['goreleaser defaults', 'goreleaser'],
    ['balena arch', 'balena'],
    ['Debian cross gcc prefix', 'gnu-cross-prefix'],
  ];
  const keys = { amd64: 'linux/amd64', arm64: 'linux/arm64', armv7: 'linux/arm/v7', armv6: 'linux/arm/v6' };

  for (const [theirs, ours] of pairs) {
    it(theirs, () => {
      for (const [key, platform] of Object.entries(keys)) {
        const name = nameIn(ours, platform);
        if (name !== undefined && naming[theirs]?.[key]) expect(naming[theirs][key]).to.include(name);
      }
    });
  }

  it('every vocabulary has one of ours', () => {
    const known = new Set(pairs.map(([theirs]) => theirs));
    expect(Object.keys(naming).filter((name) => name !== 'docker' && !known.has(name))).to.deep.equal([]);
  });
});
