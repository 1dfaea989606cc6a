import { archInLabel } from '../../../packages/core/src/rules/arch-in-label.ts';
import { pageSizeHazard } from '../../../packages/core/src/rules/page-size-hazard.ts';
import { redundantTargetPlatform } from '../../../packages/core/src/rules/redundant-target-platform.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

const goWords = {
  arm64: 'info auto: amd64 → arm64',
  v7: 'info auto: amd64 → arm',
  v6: 'info auto: amd64 → arm',
};

ruleTable(archInLabel, [
  { text: 'LABEL architecture="amd64"', ...goWords },
  {
    text: 'LABEL a=b com.redhat.architecture=x86_64',
    arm64: 'info auto: x86_64 → aarch64',
    v7: 'info auto: x86_64 → armv7l',
    v6: 'info auto: x86_64 → armv6l',
  },
  {
    text: 'LABEL org.example.platform=linux/amd64',
    arm64: 'info auto: amd64 → arm64',
    v7: 'info auto: amd64 → arm/v7',
    v6: 'info auto: amd64 → arm/v6',
  },
  { text: 'ARG TARGETARCH\nLABEL architecture="${TARGETARCH}"' },
  { text: 'ARG ARCH=amd64\nLABEL architecture="${ARCH}"' },
  { text: 'LABEL description="for amd64"', all: 'info none: amd64' },
  { text: 'LABEL architecture="all"' },
  { text: 'LABEL name=amd64', all: 'info none: amd64' },
]);
migratesOnce(archInLabel, [
  [
    'FROM debian:13\nLABEL architecture="amd64"\n',
    'FROM debian:13\nARG TARGETARCH\nLABEL architecture="${TARGETARCH}"\n',
  ],
  ['FROM debian:13\nLABEL architecture="x86_64"\n'],
]);

ruleTable(redundantTargetPlatform, [
  { text: 'FROM --platform=$TARGETPLATFORM alpine', all: 'info auto: --platform=$TARGETPLATFORM' },
  {
    text: 'FROM --platform=${TARGETPLATFORM:-linux/amd64} alpine AS a\nFROM a',
    all: 'info auto: --platform=${TARGETPLATFORM:-linux/amd64}',
  },
  { text: 'FROM --platform=$BUILDPLATFORM alpine' },
  { text: 'FROM --platform=linux/amd64 alpine' },
  { text: 'FROM --platform=$TARGETOS/$TARGETARCH alpine' },
  { text: 'ARG TARGETPLATFORM=linux/amd64\nFROM --platform=$TARGETPLATFORM alpine' },
  { text: 'FROM alpine' },
]);
migratesOnce(redundantTargetPlatform, [
  ['FROM  --platform=$TARGETPLATFORM   alpine:3.19 AS x\n', 'FROM  alpine:3.19 AS x\n'],
]);

ruleTable(pageSizeHazard, [
  { text: 'RUN cd /usr/src/jemalloc && ./configure && make install', arm64: 'info none: ./configure' },
  {
    text: 'RUN curl -O https://example.org/jemalloc-5.3.tar.bz2 && tar xf jemalloc-5.3.tar.bz2 && cd jemalloc-5.3 && ./configure --prefix=/usr',
    arm64: 'info none: ./configure',
  },
  { text: 'RUN cmake -DFLB_JEMALLOC=On ..', arm64: 'info none: -DFLB_JEMALLOC=On' },
  { text: 'RUN cd /usr/src/jemalloc && ./configure --with-lg-page=16 && make install' },
  { text: 'RUN apt-get install -y libjemalloc2' },
  { text: 'RUN apt-get install -y libjemalloc-dev && cd /x && ./configure' },
  { text: 'ENV LD_PRELOAD=/usr/lib/libjemalloc.so.2' },
  { text: 'RUN case "$(uname -m)" in aarch64) cd jemalloc && ./configure ;; esac' },
]);
