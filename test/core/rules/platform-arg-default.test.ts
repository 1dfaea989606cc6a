import { platformArgDefault } from '../../../packages/core/src/rules/platform-arg-default.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

ruleTable(platformArgDefault, [
  { text: 'FROM alpine\nARG TARGETARCH=amd64\nRUN echo $TARGETARCH', all: 'error auto: TARGETARCH=amd64' },
  { text: 'ARG TARGETARCH=amd64\nFROM alpine', all: 'error auto: TARGETARCH=amd64' },
  { text: 'ARG TARGETPLATFORM="linux/amd64"\nFROM alpine', all: 'error auto: TARGETPLATFORM="linux/amd64"' },
  { text: 'ARG TARGETARCH=', all: 'error suggest: TARGETARCH=' },
  { text: 'ARG TARGETARCH=${TARGETARCH:-amd64}', all: 'error auto: TARGETARCH=${TARGETARCH:-amd64}' },
  // Nothing declares it in the stage before: it is empty.
  { text: 'ARG TARGETARCH=${TARGETARCH}', all: 'error suggest: TARGETARCH=${TARGETARCH}' },
  { text: 'ARG A=1 TARGETARCH=amd64 B=2', all: 'error auto: TARGETARCH=amd64' },
  {
    text: 'ARG TARGETOS=linux TARGETARCH=amd64 TARGETVARIANT=v7',
    arm64: 'error auto: TARGETARCH=amd64; error suggest: TARGETVARIANT=v7',
    v7: 'error auto: TARGETARCH=amd64',
    v6: 'error auto: TARGETARCH=amd64; error suggest: TARGETVARIANT=v7',
  },
  { text: 'ARG TARGETARCH=x86_64', all: 'error suggest: TARGETARCH=x86_64' },
  {
    text: 'ARG TARGETARCH=arm64',
    v7: 'error suggest: TARGETARCH=arm64',
    v6: 'error suggest: TARGETARCH=arm64',
  },
  { text: 'ARG TARGETARCH\nARG TARGETARCH=amd64', all: 'error auto: TARGETARCH=amd64' },
  { text: 'ONBUILD ARG TARGETARCH=amd64', all: 'error auto: TARGETARCH=amd64' },
  { text: 'ARG BUILDPLATFORM=linux/arm64\nFROM alpine', all: 'warning suggest: BUILDPLATFORM=linux/arm64' },
  { text: 'arg targetarch=amd64' },
  {
    text: 'ENV TARGETARCH=amd64',
    arm64: 'error auto: amd64 → arm64',
    v7: 'error auto: amd64 → arm',
    v6: 'error auto: amd64 → arm',
  },
  {
    text: 'ENV A=1 TARGETPLATFORM=linux/amd64',
    arm64: 'error auto: linux/amd64 → linux/arm64',
    v7: 'error auto: linux/amd64 → linux/arm/v7',
    v6: 'error auto: linux/amd64 → linux/arm/v6',
  },
  // Nothing to say.
  { text: 'ARG TARGETARCH' },
  { text: 'ARG TARGETOS=linux' },
  { text: 'ARG TARGETARCH=${TARGETARCH}\nFROM alpine' },
  { text: 'ARG TARGETARCH=${TARGETARCH:-amd64}\nFROM alpine' },
  { text: 'ARG TARGETARCH\nARG TARGETARCH=${TARGETARCH:-amd64}' },
  { text: 'ARG TARGETARCH\nENV TARGETARCH=$TARGETARCH' },
  { text: 'ARG TARGETARCH\nENV TARGETARCH=${TARGETARCH:-amd64}' },
  { text: 'ENV TARGETARCH=$TARGETARCH' },
  { text: 'ENV TARGETARCH=${TARGETARCH:-amd64}' },
  { text: 'ARG MY_TARGETARCH=amd64\nARG TARGETARCHS=amd64' },
  { text: 'FROM alpine AS amd64\nARG TARGETARCH=amd64' },
  { text: 'ARG TARGETARCH=amd64', buildArgs: { TARGETARCH: 'arm64' } },
  { text: 'ARG BUILDPLATFORM=linux/amd64\nFROM --platform=$BUILDPLATFORM alpine' },
]);

migratesOnce(platformArgDefault, [
  [
    'FROM alpine\nARG TARGETARCH=amd64\nRUN echo $TARGETARCH\n',
    'FROM alpine\nARG TARGETARCH\nRUN echo $TARGETARCH\n',
  ],
  ['ARG TARGETARCH=amd64\nFROM alpine\n', 'ARG TARGETARCH\nFROM alpine\n'],
  ['FROM alpine\nARG A=1 TARGETARCH="amd64" B=2\n', 'FROM alpine\nARG A=1 TARGETARCH B=2\n'],
  ['FROM alpine\nONBUILD ARG TARGETARCH=amd64\n', 'FROM alpine\nONBUILD ARG TARGETARCH\n'],
]);
