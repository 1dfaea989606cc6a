import { type MigrateOptions, migrateDockerfile, unifiedDiff } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';

type Row = readonly [
  title: string,
  platform: string,
  text: string,
  expected: string,
  options?: Partial<MigrateOptions>,
];

const perArch: readonly Row[] = [
  [
    'official image',
    'linux/arm/v7',
    'FROM ubuntu:22.04\n',
    'FROM --platform=linux/arm/v7 arm32v7/ubuntu:22.04\n',
  ],
  ['arm64', 'linux/arm64', 'FROM ubuntu:22.04', 'FROM --platform=linux/arm64 arm64v8/ubuntu:22.04'],
  ['no tag', 'linux/arm64', 'from debian as x\r\n', 'from --platform=linux/arm64 arm64v8/debian as x\r\n'],
  [
    'docker.io',
    'linux/arm64',
    'FROM docker.io/library/debian:12\n',
    'FROM --platform=linux/arm64 docker.io/arm64v8/debian:12\n',
  ],
  [
    'index style',
    'linux/arm/v7',
    'FROM ubuntu:22.04\n',
    'FROM --platform=linux/arm/v7 ubuntu:22.04\n',
    { baseStyle: 'index' },
  ],
  [
    'another registry',
    'linux/arm/v7',
    'FROM ghcr.io/a/b:1\n',
    'FROM --platform=linux/arm/v7 ghcr.io/a/b:1\n',
  ],
  [
    'emulators',
    'linux/arm64',
    'FROM multiarch/qemu-user-static:x86_64-aarch64 AS q\nFROM debian:12\nCOPY --from=tonistiigi/binfmt /usr/bin/x /opt/\n',
    'FROM multiarch/qemu-user-static:x86_64-aarch64 AS q\nFROM --platform=linux/arm64 arm64v8/debian:12\nCOPY --from=tonistiigi/binfmt /usr/bin/x /opt/\n',
  ],
  [
    'a stage for each platform',
    'linux/arm/v7',
    'FROM a/b:1 AS base-amd64\nFROM a/c:1 AS base-armv7\nFROM base-${TARGETARCH}${TARGETVARIANT}\n',
    'FROM a/b:1 AS base-amd64\nFROM --platform=linux/arm/v7 a/c:1 AS base-armv7\nFROM base-${TARGETARCH}${TARGETVARIANT}\n',
  ],
  [
    'a version that a vendor names',
    'linux/arm/v7',
    'ARG V=3.17\nFROM ghcr.io/linuxserver/baseimage-alpine:${V}\n',
    'ARG V=3.17\nFROM --platform=linux/arm/v7 ghcr.io/linuxserver/baseimage-alpine:arm32v7-${V}\n',
  ],
  [
    'a vendor in index style',
    'linux/arm/v7',
    'FROM ghcr.io/linuxserver/baseimage-alpine:3.17\nFROM lsiobase/ubuntu:amd64-bionic\nFROM balenalib/amd64-debian\n',
    'FROM --platform=linux/arm/v7 ghcr.io/linuxserver/baseimage-alpine:3.17\nFROM --platform=linux/arm/v7 lsiobase/ubuntu:bionic\nFROM --platform=linux/arm/v7 balenalib/armv7hf-debian\n',
    { baseStyle: 'index' },
  ],
  [
    'a mapping',
    'linux/arm/v7',
    'FROM node:22\nFROM ubuntu:20.04\n',
    'FROM --platform=linux/arm/v7 myreg/node-arm:22\nFROM --platform=linux/arm/v7 arm/focal:1\n',
    { images: { node: 'myreg/node-arm', 'ubuntu:20.04': 'arm/focal:1' } },
  ],
  [
    'stages and scratch',
    'linux/arm64',
    'FROM golang:1.23 AS b\nFROM b AS c\nFROM scratch\nCOPY --from=c / /\n',
    'FROM --platform=linux/arm64 arm64v8/golang:1.23 AS b\nFROM b AS c\nFROM scratch\nCOPY --from=c / /\n',
  ],
  [
    'an ARG',
    'linux/arm/v7',
    `ARG BASE=node:22\nFROM \${BASE}\nARG BASE\nRUN echo $BASE\n`,
    `ARG BASE=arm32v7/node:22\nFROM --platform=linux/arm/v7 \${BASE}\nARG BASE\nRUN echo $BASE\n`,
  ],
  [
    'two ARGs',
    'linux/arm/v7',
    'ARG I="node"\nARG V=22\nFROM $I:$V-slim\nFROM $I:$V\n',
    'ARG I="arm32v7/node"\nARG V=22\nFROM --platform=linux/arm/v7 $I:$V-slim\nFROM --platform=linux/arm/v7 $I:$V\n',
  ],
  [
    'an ARG for two kinds of name',
    'linux/arm/v7',
    'ARG N=node\nFROM $N:22\nFROM ghcr.io/$N/x\n',
    'ARG N=node\nFROM --platform=linux/arm/v7 arm32v7/node:22\nFROM --platform=linux/arm/v7 ghcr.io/$N/x\n',
  ],
  [
    'an ARG from outside',
    'linux/arm/v7',
    'ARG B=node:22\nFROM $B\n',
    'ARG B=node:22\nFROM --platform=linux/arm/v7 arm32v7/debian:12\n',
    { buildArgs: { B: 'debian:12' } },
  ],
  [
    'a continuation with a comment',
    'linux/arm64',
    'FROM \\\n# why\n  debian:12 \\\n  AS x\n',
    'FROM \\\n# why\n  --platform=linux/arm64 arm64v8/debian:12 \\\n  AS x\n',
  ],
  [
    'its own name',
    'linux/arm/v7',
    'FROM arm32v7/debian:12\n',
    'FROM --platform=linux/arm/v7 arm32v7/debian:12\n',
  ],
  [
    'another ARM name',
    'linux/arm/v7',
    'FROM arm64v8/debian:12\n',
    'FROM --platform=linux/arm/v7 arm32v7/debian:12\n',
  ],
  [
    'an old ARM name',
    'linux/arm/v7',
    'FROM armhf/debian:8\n',
    'FROM --platform=linux/arm/v7 arm32v7/debian:8\n',
  ],
  [
    'an x86 name',
    'linux/arm/v7',
    'FROM amd64/debian:12\n',
    'FROM --platform=linux/arm/v7 arm32v7/debian:12\n',
  ],
  [
    'an x86 platform',
    'linux/arm/v7',
    'FROM --platform=linux/amd64 alpine\n',
    'FROM --platform=linux/arm/v7 arm32v7/alpine\n',
  ],
  [
    'the target platform',
    'linux/arm/v7',
    'FROM --platform=$TARGETPLATFORM alpine\n',
    'FROM --platform=linux/arm/v7 arm32v7/alpine\n',
  ],
  [
    'the build platform',
    'linux/arm/v7',
    'FROM --platform=$BUILDPLATFORM golang AS b\nFROM alpine\nCOPY --from=b / /\n',
    'FROM --platform=$BUILDPLATFORM golang AS b\nFROM --platform=linux/arm/v7 arm32v7/alpine\nCOPY --from=b / /\n',
  ],
  [
    'a digest',
    'linux/arm64',
    `FROM debian:12@sha256:${'a'.repeat(64)}\n`,
    `FROM --platform=linux/arm64 debian:12@sha256:${'a'.repeat(64)}\n`,
  ],
  [
    'v6 with a port of its own',
    'linux/arm/v6',
    'FROM alpine:3.20\n',
    'FROM --platform=linux/arm/v6 arm32v6/alpine:3.20\n',
  ],
  ['v6 without', 'linux/arm/v6', 'FROM debian:13\n', 'FROM --platform=linux/arm/v5 arm32v5/debian:13\n'],
  [
    'v6 without, with a registry',
    'linux/arm/v6',
    'FROM docker.io/library/debian:13\n',
    'FROM --platform=linux/arm/v5 docker.io/arm32v5/debian:13\n',
  ],
  [
    'a tag of the same version',
    'linux/arm/v7',
    'FROM node:22-trixie\n',
    'FROM --platform=linux/arm/v7 arm32v7/node:22-bookworm\n',
  ],
  [
    'a source of COPY',
    'linux/arm64',
    '# syntax=docker/dockerfile:1\nARG X\n# the runtime\nFROM debian:12 AS a\nFROM alpine\nCOPY --from=0 / /a\nCOPY --from=redis:7 /b /b\nRUN --mount=type=bind,from=redis:7,target=/r true\n',
    '# syntax=docker/dockerfile:1\nARG X\nFROM --platform=linux/arm64 arm64v8/redis:7 AS redis_arm64v8\n# the runtime\nFROM --platform=linux/arm64 arm64v8/debian:12 AS a\nFROM --platform=linux/arm64 arm64v8/alpine\nCOPY --from=1 / /a\nCOPY --from=redis_arm64v8 /b /b\nRUN --mount=type=bind,from=redis_arm64v8,target=/r true\n',
  ],
  [
    'x64',
    'linux/amd64',
    'FROM debian:12\nCOPY --from=redis / /\n',
    'FROM debian:12\nCOPY --from=redis / /\n',
  ],
  [
    'a byte order mark',
    'linux/arm64',
    '\ufeffFROM debian\n',
    '\ufeffFROM --platform=linux/arm64 arm64v8/debian\n',
  ],
  [
    'nothing but the named rules',
    'linux/arm/v7',
    'FROM node:22-trixie\n',
    'FROM node:22-bookworm\n',
    { only: ['base-image-lacks-platform'] },
  ],
];

const portable: readonly Row[] = [
  ['what is portable', 'linux/arm64,linux/arm/v7', 'FROM ubuntu:22.04\n', 'FROM ubuntu:22.04\n'],
  ['another tag', 'linux/arm64,linux/arm/v7', 'FROM node:22-trixie AS b\n', 'FROM node:22-bookworm AS b\n'],
  ['no other major version', 'linux/arm64,linux/arm/v7', 'FROM node:24\n', 'FROM node:24\n'],
  ['an ARM name', 'linux/arm64,linux/arm/v7', 'FROM arm64v8/debian:12\n', 'FROM debian:12\n'],
  [
    'an ignored rule',
    'linux/arm64',
    '# mabuild ignore=x86-namespace because tool\nFROM amd64/alpine\n',
    '# mabuild ignore=x86-namespace because tool\nFROM amd64/alpine\n',
  ],
];

describe('migrateDockerfile', () => {
  for (const [style, rows] of [
    ['per-arch', perArch],
    ['portable', portable],
  ] as const) {
    for (const [title, platforms, text, expected, options] of rows) {
      it(`${style}: ${title} (${platforms})`, async () => {
        const all = { ...options, style, platforms: parsePlatformList(platforms) };
        const [first] = (await migrateDockerfile(text, all)).files;
        expect(first?.text).to.equal(expected);
        const [again] = (await migrateDockerfile(expected, all)).files;
        expect(again?.text, 'a second time').to.equal(expected);
      });
    }
  }

  it('makes several fixes in one line', async () => {
    const options = { style: 'portable' as const, platforms: parsePlatformList('linux/arm64') };
    const { files, unfixed } = await migrateDockerfile(
      'FROM --platform=linux/amd64 amd64/alpine:3.20\n',
      options,
    );
    expect(files).to.deep.equal([{ text: 'FROM alpine:3.20\n' }]);
    expect(unfixed).to.deep.equal([]);
  });

  it('gives a file per platform and tells what is left', async () => {
    const { files, findings, unfixed } = await migrateDockerfile('FROM node:24\n', {
      style: 'per-arch',
      platforms: parsePlatformList('linux/arm64,linux/arm/v7'),
    });
    expect(files.map(({ suffix }) => suffix)).to.deep.equal(['arm64v8', 'arm32v7']);
    expect(findings.map(({ rule }) => rule)).to.deep.equal(['base-image-lacks-platform']);
    expect(unfixed.map(({ message }) => message)).to.deep.equal(['node:24 has no image for linux/arm/v7']);
  });

  it('shows a unified diff', () => {
    expect(unifiedDiff('a\nb\n', 'a\nc\n', { from: 'Dockerfile', to: 'Dockerfile.arm32v7' })).to.equal(
      '--- Dockerfile\n+++ Dockerfile.arm32v7\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n',
    );
    expect(unifiedDiff('-- a\t\n', 'b\n', { from: 'x', to: 'x' })).to.equal(
      '--- x\n+++ x\n@@ -1,1 +1,1 @@\n--- a\t\n+b\n',
    );
    expect(unifiedDiff('a', 'a', { from: 'x', to: 'x' })).to.equal('');
  });
});
