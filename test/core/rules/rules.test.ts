import { applyEdits, checkDockerfile, recommendedRules } from '@mabuild/core';
import { formatPlatform, isMabuildError, parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';

interface Row {
  readonly text: string;
  readonly platforms?: string;
  /** `rule severity fix line-text → text after its edits`, a row per finding. */
  readonly finds?: readonly (readonly [string, string, string, string?])[];
}

const arms = 'linux/arm64,linux/arm/v7';

const rows: readonly Row[] = [
  { text: 'FROM ubuntu:22.04\n' },
  { text: 'FROM scratch\n' },
  { text: 'FROM ubuntu AS node\nFROM node\n' },
  { text: 'FROM someone/else:1\n', finds: [['third-party-base-unknown', 'info', 'none']] },
  { text: 'FROM $UNSET\n', finds: [['base-image-from-variable', 'info', 'none']] },
  { text: 'FROM node:22-trixie AS build-amd64\n', platforms: 'linux/arm64' },
  {
    text: 'FROM node:22-trixie\n',
    finds: [['base-image-lacks-platform', 'error', 'semi', 'FROM node:22-bookworm\n']],
  },
  {
    text: 'FROM node:24\n',
    finds: [['base-image-lacks-platform', 'error', 'suggest', 'FROM node:22\n']],
  },
  {
    text: `ARG BASE=node:22-trixie\nFROM \${BASE} AS a\nFROM $BASE\n`,
    finds: [
      [
        'base-image-lacks-platform',
        'error',
        'semi',
        `ARG BASE=node:22-bookworm\nFROM \${BASE} AS a\nFROM $BASE\n`,
      ],
      [
        'base-image-lacks-platform',
        'error',
        'semi',
        `ARG BASE=node:22-bookworm\nFROM \${BASE} AS a\nFROM $BASE\n`,
      ],
    ],
  },
  {
    text: 'ARG S=trixie\nFROM node:22-$S\nFROM debian:$S\n',
    finds: [
      ['base-image-lacks-platform', 'error', 'semi', 'ARG S=trixie\nFROM node:22-bookworm\nFROM debian:$S\n'],
    ],
  },
  {
    text: 'FROM debian:13\n',
    platforms: 'linux/arm/v6',
    finds: [['base-image-lacks-platform', 'warning', 'none']],
  },
  // A stage for another platform, and none for this one.
  {
    text: 'FROM a AS x-amd64\nFROM a AS x-arm64\nFROM x-${TARGETARCH}\n',
    platforms: 'linux/arm/v7',
    finds: [['base-image-lacks-platform', 'error', 'none']],
  },
  {
    text: 'FROM debian:12 AS w-amd64\nFROM w-${TARGETARCH} AS w-windows\nFROM debian:12 AS w-linux\nFROM w-${TARGETOS}\n',
    platforms: 'linux/arm64',
  },
  {
    text: 'FROM debian:12 AS x-amd64\nFROM debian:12 AS x-arm64\nFROM debian:12 AS x-armv7\nFROM x-${TARGETARCH}${TARGETVARIANT}\n',
    platforms: 'linux/arm64,linux/arm/v7',
  },
  {
    text: 'FROM archlinux\n',
    platforms: 'linux/arm64',
    finds: [['base-image-lacks-platform', 'error', 'none']],
  },
  { text: 'FROM --platform=$BUILDPLATFORM archlinux AS b\nFROM busybox\nCOPY --from=b / /\n' },
  {
    text: 'FROM busybox\nCOPY --from=eclipse-temurin:17-jre-noble /opt /opt\nRUN --mount=type=bind,from=archlinux,target=/a true\n',
    platforms: 'linux/arm64',
    finds: [['copy-from-image-lacks-platform', 'error', 'none']],
  },
  { text: 'FROM arm32v7/debian:12\n', platforms: 'linux/arm/v7' },
  {
    text: 'FROM arm64v8/debian:12\n',
    platforms: 'linux/arm/v7',
    finds: [['arm-namespace-wrong-target', 'error', 'auto', 'FROM debian:12\n']],
  },
  {
    text: 'FROM amd64/ubuntu:22.04\r\n',
    platforms: 'linux/arm64',
    finds: [['x86-namespace', 'error', 'auto', 'FROM ubuntu:22.04\r\n']],
  },
  { text: 'FROM amd64/ubuntu:22.04\n', platforms: 'linux/amd64' },
  {
    text: 'FROM i386/debian:12\n',
    platforms: 'linux/arm64',
    finds: [['x86-namespace', 'warning', 'suggest', 'FROM debian:12\n']],
  },
  {
    text: 'FROM balenalib/amd64-debian\n',
    platforms: 'linux/arm64',
    finds: [['x86-namespace', 'error', 'auto']],
  },
  {
    text: 'FROM armhf/alpine:3.6\n',
    platforms: 'linux/arm/v6',
    finds: [['deprecated-arm-namespace', 'warning', 'semi', 'FROM alpine:3.6\n']],
  },
  {
    text: 'FROM resin/rpi-raspbian:jessie\n',
    platforms: 'linux/arm/v6',
    finds: [['deprecated-arm-namespace', 'warning', 'none']],
  },
  {
    text: 'FROM balenalib/armv7hf-debian\n',
    platforms: 'linux/arm/v7',
    finds: [['deprecated-arm-namespace', 'info', 'none']],
  },
  {
    text: 'FROM --platform=linux/amd64 alpine AS base\n',
    platforms: 'linux/arm64',
    finds: [['from-platform-constant-x86', 'error', 'auto', 'FROM alpine AS base\n']],
  },
  { text: 'FROM --platform=linux/amd64 alpine AS linux-tools\nFROM alpine\n', platforms: 'linux/arm64' },
  {
    text: 'FROM --platform=linux/amd64 golang AS b\nARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build\nFROM alpine\nCOPY --from=b /x /x\n',
    platforms: 'linux/arm64',
    finds: [
      [
        'from-platform-constant-x86',
        'warning',
        'auto',
        'FROM --platform=$BUILDPLATFORM golang AS b\nARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build\nFROM alpine\nCOPY --from=b /x /x\n',
      ],
    ],
  },
  {
    text: 'FROM --platform=linux/amd64 a/pages AS p\nFROM --platform=$TARGETPLATFORM alpine\nCOPY --from=p / /\n',
    platforms: 'linux/arm64',
    finds: [
      [
        'from-platform-constant-x86',
        'warning',
        'suggest',
        'FROM a/pages AS p\nFROM --platform=$TARGETPLATFORM alpine\nCOPY --from=p / /\n',
      ],
    ],
  },
  { text: 'FROM --platform=linux/amd64 alpine\n', platforms: 'linux/amd64' },
  {
    text: 'FROM mcr.microsoft.com/dotnet/aspnet:8.0-bookworm-slim-amd64\n',
    platforms: 'linux/arm64',
    finds: [
      ['arch-suffix-in-tag', 'error', 'auto', 'FROM mcr.microsoft.com/dotnet/aspnet:8.0-bookworm-slim\n'],
    ],
  },
  { text: '# mabuild ignore=base-image-lacks-platform because it is only a test\nFROM node:24\n' },
  { text: '# mabuild ignore=x86-namespace,base-image-lacks-platform\nFROM node:24\n' },
  { text: 'ARG BASE=node:24\n# mabuild ignore=base-image-lacks-platform\nFROM ${BASE}\n' },
  { text: '# mabuild ignore=base-image-lacks-platform\nARG BASE=node:24\nFROM ${BASE}\n' },
  {
    text: '# mabuild ignore=x86-namespace\nFROM node:24\n',
    finds: [['base-image-lacks-platform', 'error', 'suggest']],
  },
];

describe('rules', () => {
  for (const { text, platforms = arms, finds = [] } of rows) {
    it(JSON.stringify(text), async () => {
      const findings = await checkDockerfile(text, { platforms: parsePlatformList(platforms) });
      const seen = findings.filter(({ rule }) => finds.length === 0 || finds.some(([name]) => name === rule));
      expect(
        seen.map(({ rule, severity, fix }) => `${rule} ${severity} ${fix}`).slice(0, finds.length),
      ).to.deep.equal(finds.map(([rule, severity, fix]) => `${rule} ${severity} ${fix}`));
      if (finds.length === 0) expect(findings).to.deep.equal([]);
      for (const [index, [, , , after]] of finds.entries()) {
        if (after !== undefined) expect(applyEdits(text, seen[index]!.edits)).to.equal(after);
      }
    });
  }

  it('names the image, the platforms and a tag that has them', async () => {
    const [finding] = await checkDockerfile('FROM node:24\n', { platforms: parsePlatformList(arms) });
    expect(finding?.message).to.equal('node:24 has no image for linux/arm/v7');
    expect(finding?.hint).to.equal('node:22 lists linux/arm/v7');
    expect(finding?.platforms.map((platform) => formatPlatform(platform))).to.deep.equal(['linux/arm/v7']);
    expect(finding?.range).to.deep.equal({ start: 5, end: 12 });
  });

  it('believes the given facts before the table', async () => {
    const images = { platformsOf: async () => parsePlatformList('linux/amd64') };
    const findings = await checkDockerfile('FROM busybox\n', {
      platforms: parsePlatformList('linux/arm64'),
      images,
    });
    expect(findings.map(({ rule }) => rule)).to.deep.equal(['base-image-lacks-platform']);
  });

  it('leaves rules out and changes severities', async () => {
    const platforms = parsePlatformList(arms);
    expect(
      await checkDockerfile('FROM node:24\n', { platforms, ignore: ['base-image-lacks-platform'] }),
    ).to.deep.equal([]);
    const [finding] = await checkDockerfile('FROM node:24\n', {
      platforms,
      severities: { 'base-image-lacks-platform': 'info' },
    });
    expect(finding?.severity).to.equal('info');
  });

  it('has kebab-case names and summaries, no name twice', () => {
    const names = recommendedRules.map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
    for (const { name, summary } of recommendedRules) {
      expect(name).to.match(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
      expect(summary).to.match(/\.$/);
    }
  });

  it('says where a text is no Dockerfile', async () => {
    const error = await checkDockerfile('FROM a b\n', { platforms: [] }).catch((thrown: unknown) => thrown);
    expect(isMabuildError(error) && `${error.code} ${error.location?.line}`).to.equal('DOCKERFILE_SYNTAX 1');
  });
});
