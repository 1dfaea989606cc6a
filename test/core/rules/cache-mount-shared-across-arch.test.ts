import { cacheMountSharedAcrossArch } from '../../../packages/core/src/rules/cache-mount-shared-across-arch.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

const mount = (fields: string): string => `--mount=type=cache,${fields}`;
const found = (fields: string): string => `warning auto: ${mount(fields)}`;
const cases = [
  'target=/src/target',
  'id=cargo,target=/src/target/',
  'target=/root/.ccache',
  'target=/root/.cache/sccache,sharing=locked',
  'target=/app/node_modules',
  'target=/var/cache/apt',
  'target=/var/lib/apt,sharing=shared',
];
const safe = [
  'target=/root/.cache/go-build',
  'target=/go/pkg/mod',
  'target=/root/.npm',
  'target=/root/.cache/pip',
  'target=/var/cache/apt,sharing=locked',
  'target=/src/target,sharing=private',
  'id=cargo-$TARGETARCH,target=/src/target',
  'target=/src/$TARGETPLATFORM/target',
  'id=cargo-target-armv7,target=/src/target',
];

ruleTable(cacheMountSharedAcrossArch, [
  ...cases.map((fields) => ({ text: `RUN ${mount(fields)} true`, all: found(fields) })),
  ...safe.map((fields) => ({ text: `RUN ${mount(fields)} true` })),
  {
    text: `FROM --platform=$BUILDPLATFORM rust\nRUN ${mount('target=/src/target')} cargo build`,
    all: found('target=/src/target'),
  },
  { text: `FROM --platform=$BUILDPLATFORM debian:13\nRUN ${mount('target=/var/cache/apt')} true` },
  {
    text: `ARG BASE\nFROM $BASE\nRUN ${mount('target=/src/target')} true`,
    all: found('target=/src/target').replace('auto', 'suggest'),
  },
  { text: 'RUN --mount=type=bind,target=/src/target true' },
  { text: `FROM rust AS build-amd64\nRUN ${mount('target=/src/target')} true` },
  {
    text: `ENV TARGETARCH=x\nRUN ${mount('target=/src/target')} true`,
    all: `warning suggest: ${mount('target=/src/target')}`,
  },
]);

migratesOnce(cacheMountSharedAcrossArch, [
  [
    'FROM rust:1\nRUN --mount=type=cache,target=/src/target cargo build\n',
    'FROM rust:1\nARG TARGETARCH\nARG TARGETVARIANT\nRUN --mount=type=cache,id=src-target-$TARGETARCH$TARGETVARIANT,target=/src/target cargo build\n',
  ],
  [
    'FROM rust:1\nARG TARGETARCH\nRUN --mount=target=/a/target,type=cache,id=x \\\n  --mount=type=cache,target=/root/.ccache cargo build\n',
    'FROM rust:1\nARG TARGETARCH\nARG TARGETVARIANT\nRUN --mount=target=/a/target,type=cache,id=x-$TARGETARCH$TARGETVARIANT \\\n  --mount=type=cache,id=root-.ccache-$TARGETARCH$TARGETVARIANT,target=/root/.ccache cargo build\n',
  ],
]);
