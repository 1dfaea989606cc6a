import {
  type BasePin,
  type BuilderCapabilities,
  type PrepareOptions,
  parseDockerfile,
  prepareDockerfile,
  wantedImages,
} from '@mabuild/core';
import { familiarReference, formatPlatform, isMabuildError, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';

const amd64 = parsePlatform('linux/amd64');
const v7 = parsePlatform('linux/arm/v7');
const modern: BuilderCapabilities = { heredoc: true, link: true, runNetwork: true };
const old: BuilderCapabilities = { heredoc: false, link: false, runNetwork: false };
const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const I = digest('a');
const M = digest('b');

function prepare(text: string, options: Partial<PrepareOptions> = {}) {
  const dockerfile = parseDockerfile(text, { file: 'Dockerfile' });
  const common = {
    platform: v7,
    buildPlatform: amd64,
    builder: 'buildkit' as const,
    capabilities: modern,
    ...options,
  };
  const bases: BasePin[] =
    options.bases?.slice() ??
    wantedImages(dockerfile, common).map(({ reference, platform }) => ({
      reference,
      platform,
      digest: I,
      manifestDigest: M,
    }));
  return prepareDockerfile(dockerfile, { ...common, bases });
}

const emulator = { inject: { file: '/opt/qemu-arm-static', path: '/usr/bin/qemu-arm-static' } };
const mount = '--mount=type=bind,rw,source=.mabuild-added/qemu-arm-static,target=/usr/bin/qemu-arm-static';
const copy = 'COPY [".mabuild-added/qemu-arm-static","/usr/bin/qemu-arm-static"]';

const rows: readonly {
  readonly name: string;
  readonly text: string;
  readonly options?: Partial<PrepareOptions>;
  readonly expected: string;
}[] = [
  {
    name: 'pins for BuildKit by index',
    text: 'FROM busybox\nRUN true\n',
    expected: `FROM busybox:latest@${I}\nRUN true\n`,
  },
  {
    name: 'pins for classic by manifest',
    text: 'FROM busybox:1.36\r\nRUN true\r\n',
    options: { builder: 'classic' },
    expected: `FROM busybox@${M}\r\nRUN true\r\n`,
  },
  {
    name: 'pins COPY and mounts, leaves ARG defaults alone',
    text: 'ARG B=alpine\nFROM $B AS x\nFROM host:5000/y\nCOPY --from=x /a /\nCOPY --from=redis:7 /b /\nRUN --mount=from=nginx,target=/n true',
    expected: `ARG B=alpine\nFROM alpine:latest@${I} AS x\nFROM host:5000/y:latest@${I}\nCOPY --from=x /a /\nCOPY --from=redis:7@${I} /b /\nRUN --mount=from=nginx:latest@${I},target=/n true`,
  },
  {
    name: 'pins only what the target needs',
    text: 'FROM busybox AS a\nFROM alpine AS b\n',
    options: { target: 'a' },
    expected: `FROM busybox:latest@${I} AS a\nFROM alpine AS b\n`,
  },
  {
    name: 'empties stages for classic and keeps numbers right',
    text: 'FROM busybox AS a\nFROM alpine AS unused\nRUN <<EOF\nx\nEOF\nFROM debian AS c\nFROM scratch\nCOPY --from=2 /x /\nCOPY --from=0 /x /\n',
    options: { builder: 'classic' },
    expected: `FROM busybox@${M} AS a\n\n\n\n\nFROM debian@${M} AS c\nFROM scratch\nCOPY --from=1 /x /\nCOPY --from=0 /x /\n`,
  },
  {
    name: 'automatic arguments for classic',
    text: 'ARG TARGETARCH\nFROM --platform=$BUILDPLATFORM golang AS go\nARG TARGETARCH TARGETVARIANT\nARG TARGETOS=plan9\nFROM busybox AS dl-arm\nFROM dl-$TARGETARCH\nARG BUILDPLATFORM\nCOPY --from=go / /\n',
    options: { builder: 'classic' },
    expected: `ARG TARGETARCH=arm\nFROM --platform=linux/amd64 golang@${M} AS go\nARG TARGETARCH=arm TARGETVARIANT=v7\nARG TARGETOS=plan9\nFROM busybox@${M} AS dl-arm\nFROM dl-arm\nARG BUILDPLATFORM=linux/amd64\nCOPY --from=go / /\n`,
  },
  {
    name: 'injects for BuildKit into every RUN of the target platform',
    text: 'FROM --platform=$BUILDPLATFORM golang AS go\nRUN go build\nFROM busybox\nRUN --network=none \\\n  ls\nrun ["a"]\nRUN <<EOF\nb\nEOF\nCOPY --from=go / /\n',
    options: { emulator },
    expected: `FROM --platform=$BUILDPLATFORM golang:latest@${I} AS go\nRUN go build\nFROM busybox:latest@${I}\nRUN ${mount} --network=none \\\n  ls\nrun ${mount} ["a"]\nRUN ${mount} <<EOF\nb\nEOF\nCOPY --from=go / /\n`,
  },
  {
    name: 'injects for classic once per chain of stages',
    text: 'FROM busybox AS a\nFROM a AS b\nUSER nobody\nRUN x\nFROM b\nRUN y\nCOPY --from=a / /\n',
    options: { builder: 'classic', emulator },
    expected: `FROM busybox@${M} AS a\nFROM a AS b\n${copy}\nUSER nobody\nRUN x\nFROM b\nRUN y\nCOPY --from=a / /\n`,
  },
  {
    name: 'no emulator where nothing runs',
    text: 'FROM busybox\nCOPY . /\n',
    options: { emulator },
    expected: `FROM busybox:latest@${I}\nCOPY . /\n`,
  },
  {
    name: 'variables of the emulator as ARG',
    text: 'FROM busybox\nRUN true\n',
    options: { emulator: { environment: { QEMU_CPU: 'arm1176' } } },
    expected: `FROM busybox:latest@${I}\nARG QEMU_CPU=arm1176\nRUN true\n`,
  },
  {
    name: 'heredocs of RUN for an old BuildKit',
    text: 'FROM busybox\nSHELL ["/bin/ash","-eo","pipefail","-c"]\nRUN --mount=type=cache,target=/c <<EOF\nuname -m\necho "$HOME"\nEOF\nFROM busybox\nRUN cat <<-A - <<B\n\ta\n\tA\nb\nB\nRUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF\nCOPY --from=0 / /\n',
    options: { capabilities: old },
    expected: `FROM busybox:latest@${I}\nSHELL ["/bin/ash","-eo","pipefail","-c"]\nRUN --mount=type=cache,target=/c ["/bin/ash","-eo","pipefail","-c","uname -m\\necho \\"$HOME\\"\\n"]\n\n\n\nFROM busybox:latest@${I}\nRUN ["/bin/sh","-c","cat <<-A - <<B\\n\\ta\\nA\\nb\\nB"]\n\n\n\n\nRUN ["/usr/bin/env","python3","-c","#!/usr/bin/env python3\\nprint(1)\\n"]\n\n\n\nCOPY --from=0 / /\n`,
  },
  {
    name: 'empties stages for an old BuildKit, which reads them all',
    text: 'FROM busybox AS a\nFROM busybox\nRUN --network=none <<EOF\nx\nEOF\n',
    options: { capabilities: old, target: '0' },
    expected: `FROM busybox:latest@${I} AS a\n\n\n\n\n`,
  },
  {
    name: 'arguments of the stage below, for the classic builder',
    text: `ARG G=1\nFROM busybox AS a\nARG G TARGETARCH A='$"\\'\nENV E=1\nARG B\nFROM a AS b-arm\nARG C=\${A}\nFROM b-\${TARGETARCH}\nRUN c\n`,
    options: { builder: 'classic', buildArgs: { B: '3' } },
    expected: `ARG G=1\nFROM busybox@${M} AS a\nARG G TARGETARCH=arm A='$"\\'\nENV E=1\nARG B\nFROM a AS b-arm\nARG G="1"\nARG TARGETARCH=arm\nARG A="\\$\\"\\\\"\nARG B\nARG C=\${A}\nFROM b-arm\nARG G="1"\nARG TARGETARCH=arm\nARG A="\\$\\"\\\\"\nARG B\nARG C="\\$\\"\\\\"\nRUN c\n`,
  },
  {
    name: 'values of bare global arguments for an old BuildKit',
    text: 'ARG TARGETARCH\nFROM busybox AS b-arm\nFROM b-$TARGETARCH\nARG TARGETARCH\n',
    options: { capabilities: old },
    expected: `ARG TARGETARCH=arm\nFROM busybox:latest@${I} AS b-arm\nFROM b-$TARGETARCH\nARG TARGETARCH\n`,
  },
  {
    name: 'drops flags that an old BuildKit does not know',
    text: 'FROM busybox\nCOPY --link --chmod=755 a /\nRUN --network=default true\n',
    options: { capabilities: old },
    expected: `FROM busybox:latest@${I}\nCOPY --chmod=755 a /\nRUN true\n`,
  },
  {
    name: 'drops the syntax line, keeps the directives below it',
    text: '# syntax=docker/dockerfile:1\n# escape=`\nFROM busybox\nRUN a `\n b\n',
    expected: `# escape=\`\n# (the syntax line is left out: its frontend is not used)\nFROM busybox:latest@${I}\nRUN a \`\n b\n`,
  },
  {
    name: 'keeps the syntax line when asked to, and what it knows',
    text: '# syntax=docker/dockerfile:1\nFROM busybox\nCOPY --link a /\n',
    options: { keepSyntax: true, capabilities: old },
    expected: `# syntax=docker/dockerfile:1\nFROM busybox:latest@${I}\nCOPY --link a /\n`,
  },
  {
    name: 'the namespace style',
    text: 'FROM ubuntu:22.04\nCOPY --from=busybox /bin /bin\n',
    options: { baseStyle: 'namespace' },
    expected: `FROM --platform=linux/arm/v7 arm32v7/ubuntu:22.04@${I}\nCOPY --from=arm32v7/busybox:latest@${I} /bin /bin\n`,
  },
  {
    name: 'the user’s own images',
    text: 'FROM node:22 AS a\nFROM ubuntu\nCOPY --from=a / /\n',
    options: { images: { node: 'myreg/node-arm', 'ubuntu:latest': 'armhf/ubuntu:16.04' } },
    expected: `FROM myreg/node-arm:22@${I} AS a\nFROM armhf/ubuntu:16.04@${I}\nCOPY --from=a / /\n`,
  },
];

describe('prepareDockerfile', () => {
  for (const { name, text, options, expected } of rows) {
    it(name, () => {
      const prepared = prepare(text, options);
      expect(prepared.text).to.equal(expected);
      parseDockerfile(prepared.text);
    });
  }

  it('copies an emulator that is to be kept, with BuildKit too', () => {
    const kept = { ...emulator, inject: { ...emulator.inject, keep: true } };
    expect(prepare('FROM busybox\nRUN a\n', { emulator: kept }).text).to.match(
      /\nCOPY \["\.mabuild-added\/qemu-arm-static","\/usr\/bin\/qemu-arm-static"\]\nRUN a\n$/,
    );
  });

  it('adds the emulator as a file', () => {
    expect(prepare('FROM busybox\nRUN a\n', { emulator }).addedFiles).to.deep.equal([
      { path: '.mabuild-added/qemu-arm-static', mode: 0o755, from: { file: '/opt/qemu-arm-static' } },
    ]);
  });

  it('writes heredocs of COPY as files with their variables', () => {
    const text =
      'FROM busybox\nARG WHO=world\nCOPY --link <<a <<"b" /dst/\n"hi" \'$WHO\' \\$X $BASE\na\n$WHO\nb\nCOPY --chmod=755 <<EOF /run.sh\nx\nEOF\n';
    const bases = [
      {
        reference: { registry: 'docker.io', repository: 'library/busybox', tag: 'latest' },
        platform: v7,
        digest: I,
        manifestDigest: M,
        environment: ['BASE=1'],
      },
    ];
    const { text: lowered, addedFiles } = prepare(text, { builder: 'classic', capabilities: old, bases });
    expect(lowered).to.equal(
      `FROM busybox@${M}\nARG WHO=world\nCOPY .mabuild-added/heredoc-3-0/a .mabuild-added/heredoc-3-1/b /dst/\n\n\n\n\nCOPY .mabuild-added/heredoc-8-0/EOF /run.sh\n\n\n`,
    );
    expect(addedFiles).to.deep.equal([
      { path: '.mabuild-added/heredoc-3-0/a', mode: 0o644, from: { content: '"hi" \'world\' $X 1\n' } },
      { path: '.mabuild-added/heredoc-3-1/b', mode: 0o644, from: { content: '$WHO\n' } },
      { path: '.mabuild-added/heredoc-8-0/EOF', mode: 0o755, from: { content: 'x\n' } },
    ]);
  });

  it('knows the user’s line of every line', () => {
    const { text, originalLine } = prepare('FROM busybox AS a\nRUN a\nFROM a\n\nRUN b\n', {
      builder: 'classic',
      emulator: { ...emulator, environment: { QEMU_CPU: 'arm1176' } },
    });
    const original = ['FROM busybox AS a', 'RUN a', 'FROM a', '', 'RUN b', ''];
    for (const [index, line] of text.split('\n').entries()) {
      const from = original[originalLine(index + 1) - 1];
      if (/^RUN/.test(line)) expect(from).to.equal(line);
      if (/^(?:COPY|ARG)/.test(line)) expect(from).to.match(/^FROM/);
    }
    expect(originalLine(text.split('\n').length)).to.equal(6);
  });

  const refused: readonly (readonly [string, string, Partial<PrepareOptions>, string])[] = [
    [
      'mount on classic',
      'FROM busybox\nRUN --mount=type=cache,target=/c x\n',
      { builder: 'classic' },
      'NEEDS_BUILDKIT:2',
    ],
    [
      'chmod on classic',
      'FROM busybox\n\nCOPY --chmod=755 a /\n',
      { builder: 'classic' },
      'NEEDS_BUILDKIT:3',
    ],
    [
      'network on old BuildKit',
      'FROM busybox\nRUN --network=none x\n',
      { capabilities: old },
      'NEEDS_BUILDKIT:2',
    ],
    [
      'unknown interpreter',
      'FROM busybox\nRUN <<EOF\n#!/bin/awk -f\nEOF\n',
      { capabilities: old },
      'NEEDS_BUILDKIT:2',
    ],
    [
      'variable of an unknown base',
      'FROM busybox\nCOPY <<EOF /a\n$X\nEOF\n',
      { capabilities: old },
      'NEEDS_BUILDKIT:2',
    ],
    [
      'trigger before the emulator',
      'FROM busybox AS a\nONBUILD RUN x\nFROM a\nRUN y\n',
      { emulator },
      'ONBUILD_NEEDS_EMULATOR:2',
    ],
    ['unknown target', 'FROM busybox\n', { target: 'x' }, 'TARGET_NOT_FOUND:undefined'],
    ['blank base', 'FROM $NO\n', {}, 'DOCKERFILE_SYNTAX:1'],
    ['bad name', 'FROM busybox\nCOPY --from=a:-b / /\n', {}, 'INVALID_REFERENCE:2'],
    ['bad platform', 'FROM --platform=a/b/c/d busybox\n', {}, 'INVALID_PLATFORM:1'],
  ];
  for (const [name, text, options, expected] of refused) {
    it(`refuses ${name}`, () => {
      try {
        prepare(text, options);
        expect.fail('it was accepted');
      } catch (error) {
        if (!isMabuildError(error)) throw error;
        expect(`${error.code}:${error.location?.line}`).to.equal(expected);
      }
    });
  }

  it('says what is wanted, where and for which platform', () => {
    const dockerfile = parseDockerfile(
      'FROM --platform=$BUILDPLATFORM golang AS b\nFROM debian:12\nCOPY --from=b / /\n',
    );
    const wanted = (style: 'index' | 'namespace', platform: string) =>
      wantedImages(dockerfile, {
        platform: parsePlatform(platform),
        buildPlatform: amd64,
        baseStyle: style,
      }).map((use) => `${familiarReference(use.reference)} ${formatPlatform(use.platform)}`);
    expect(wanted('index', 'linux/arm/v6')).to.deep.equal([
      'golang:latest linux/amd64',
      'debian:12 linux/arm/v6',
    ]);
    expect(wanted('namespace', 'linux/arm/v7')).to.deep.equal([
      'golang:latest linux/amd64',
      'arm32v7/debian:12 linux/arm/v7',
    ]);
  });
});
