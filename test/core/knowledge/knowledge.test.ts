import { formatPlatform, formatReference, parsePlatform, parseReference } from '@mabuild/oci';
import { expect } from 'chai';
import { officialNamespace, readNamespace } from '../../../packages/core/src/knowledge/namespaces.ts';
import { officialImagePlatforms } from '../../../packages/core/src/knowledge/official-images.ts';
import { suggestTag } from '../../../packages/core/src/knowledge/suggest-tag.ts';
import { sharedDescribe, sharedJson } from '../../support/shared.ts';

const arm = ['linux/arm/v6', 'linux/arm/v7', 'linux/arm64'];

describe('official images', () => {
  const rows: readonly (readonly [string, string, readonly string[] | undefined])[] = [
    ['ubuntu', '22.04', ['linux/arm/v7', 'linux/arm64']],
    ['node', '24', ['linux/arm64']],
    ['node', '22-bookworm', ['linux/arm/v7', 'linux/arm64']],
    ['node', '22-alpine', arm],
    ['busybox', 'latest', arm],
    ['alpine', '3.20', arm],
    ['openjdk', '8-jdk-alpine', undefined],
    ['node', 'no-such-tag', undefined],
    ['no-such-image', 'latest', undefined],
    ['constructor', 'latest', undefined],
  ];
  for (const [image, tag, expected] of rows) {
    it(`${image}:${tag}`, () => {
      const names = officialImagePlatforms(image, tag)?.map((platform) => formatPlatform(platform));
      if (image === 'openjdk') expect(names).to.include('linux/arm64');
      else
        expect(names?.filter((name) => arm.includes(name)).sort()).to.deep.equal(
          expected && [...expected].sort(),
        );
    });
  }
});

sharedDescribe('official images and their source', () => {
  it('agree on every listed tag', () => {
    const source = sharedJson<{
      sets: string[];
      images: Record<string, { d: number; t: string; x?: Record<string, string>; empty?: boolean }>;
    }>('data', 'official-images.compact.json');
    let count = 0;
    for (const [image, { d, t, x = {}, empty }] of Object.entries(source.images)) {
      if (empty) continue;
      for (const [set, tags] of [[d, t] as const, ...Object.entries(x)]) {
        const expected = source.sets[Number(set)]!.split(' ').filter((name) => !name.startsWith('windows-'));
        for (const tag of tags.split(' ')) {
          const actual = officialImagePlatforms(image, tag)?.map((platform) => officialNamespace(platform));
          if (actual?.join(' ') !== expected.join(' '))
            expect(actual, `${image}:${tag}`).to.deep.equal(expected);
          count += 1;
        }
      }
    }
    expect(count).to.equal(9849);
  }).timeout(20_000);
});

describe('suggestTag', () => {
  const rows: readonly (readonly [string, string, string, string | undefined])[] = [
    ['node', '24', 'linux/arm/v7', '22'],
    ['node', 'latest', 'linux/arm/v7', '22'],
    ['node', '24-slim', 'linux/arm/v7', '22-slim'],
    ['node', '24-alpine', 'linux/arm/v7', '22-alpine'],
    ['node', '22-trixie', 'linux/arm/v7', '22-bookworm'],
    ['node', '22-trixie-slim', 'linux/arm/v7', '22-bookworm-slim'],
    ['node', '22', 'linux/arm/v6', '22-alpine'],
    ['debian', '12', 'linux/arm/v6', undefined],
    ['debian', '12', 'linux/arm/v7', '12'],
    ['no-such-image', '1', 'linux/arm64', undefined],
  ];
  for (const [image, tag, platform, expected] of rows) {
    it(`${image}:${tag} for ${platform} gives ${expected}`, () => {
      expect(suggestTag(image, tag, parsePlatform(platform))).to.equal(expected);
    });
  }

  it('suggests only what has the platform', () => {
    for (const image of [
      'python',
      'golang',
      'maven',
      'tomcat',
      'mariadb',
      'eclipse-temurin',
      'gradle',
      'ruby',
      'php',
    ]) {
      for (const platform of arm.map((name) => parsePlatform(name))) {
        const tag = suggestTag(image, 'latest', platform);
        if (tag === undefined) continue;
        const has = officialImagePlatforms(image, tag)?.map((found) => formatPlatform(found));
        expect(has, `${image}:${tag}`).to.include(formatPlatform(platform));
      }
    }
  });
});

describe('readNamespace', () => {
  const rows: readonly (readonly [string, string | undefined, string?, string?])[] = [
    ['ubuntu:22.04', undefined],
    ['arm32v7/ubuntu:22.04', 'linux/arm/v7', 'official', 'docker.io/library/ubuntu:22.04'],
    ['docker.io/arm64v8/debian', 'linux/arm64', 'official', 'docker.io/library/debian:latest'],
    ['amd64/alpine:3.20', 'linux/amd64', 'official', 'docker.io/library/alpine:3.20'],
    ['i386/debian:12', 'linux/386', 'official', 'docker.io/library/debian:12'],
    ['armhf/debian:jessie', 'linux/arm/v7', 'legacy', 'docker.io/library/debian:jessie'],
    ['armhf/alpine:3.5', 'linux/arm/v6', 'legacy', 'docker.io/library/alpine:3.5'],
    ['armhf/node:6-alpine', 'linux/arm/v6', 'legacy', 'docker.io/library/node:6-alpine'],
    ['aarch64/alpine:3.5', 'linux/arm64', 'legacy', 'docker.io/library/alpine:3.5'],
    ['resin/rpi-raspbian:jessie', 'linux/arm/v6', 'legacy'],
    ['balenalib/armv7hf-debian:bookworm', 'linux/arm/v7', 'legacy'],
    ['balenalib/raspberry-pi:latest', 'linux/arm/v6', 'legacy'],
    ['balenalib/raspberrypi4-64-debian', 'linux/arm64', 'legacy'],
    ['balenalib/raspberrypi3-node', 'linux/arm/v7', 'legacy'],
    ['balenalib/amd64-alpine', 'linux/amd64', 'legacy'],
    ['hypriot/rpi-node', 'linux/arm/v6', 'legacy'],
    ['multiarch/debian-debootstrap:armhf-stretch', 'linux/arm/v7', 'legacy'],
    ['multiarch/qemu-user-static:latest', undefined],
    ['quay.io/arm32v7/ubuntu', undefined],
    ['arm32v7/a/b', undefined],
  ];
  for (const [name, platform, kind, plain] of rows) {
    it(name, () => {
      const found = readNamespace(parseReference(name));
      expect(found && formatPlatform(found.platform)).to.equal(platform);
      expect(found?.kind).to.equal(kind);
      expect(found?.plain && formatReference(found.plain)).to.equal(plain);
    });
  }
});
