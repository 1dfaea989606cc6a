import { targetarchLosesVariant } from '../../../packages/core/src/rules/targetarch-loses-variant.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

const arg = 'ARG TARGETARCH TARGETVARIANT TARGETOS\n';
const tini = 'https://github.com/krallin/tini/releases/download/v0.19.0/tini-static';
const kubectl = 'https://dl.k8s.io/release/v1.29.0/bin';
const yq = 'https://github.com/mikefarah/yq/releases/download/v4.30.1/yq';
const s6 = 'https://github.com/just-containers/s6-overlay/releases/download/v2.2.0.3/s6-overlay';
const changes = { v7: 'error semi: amd64 → armhf', v6: 'error semi: amd64 → armel' };
const unknown = (text: string): { v7: string; v6: string } => ({
  v7: `warning none: ${text}`,
  v6: `warning none: ${text}`,
});
const cross = 'FROM --platform=$BUILDPLATFORM golang:1.22\nARG TARGETARCH\n';

ruleTable(targetarchLosesVariant, [
  { text: `${arg}ADD ${tini}-\${TARGETARCH} /tini`, ...changes },
  { text: `${arg}ADD "${tini}-$TARGETARCH" /tini`, ...changes },
  { text: `${arg}RUN curl -Lo /tini "${tini}-$TARGETARCH"`, ...changes },
  { text: `${arg}RUN u=${tini}-$TARGETARCH; curl -Lo /tini "$u"`, ...changes },
  { text: `${arg}ENV U=${tini}-\${TARGETARCH}\nRUN curl -Lo /tini $U`, ...changes },
  // Neither TARGETVARIANT nor TARGETARCH says what the file is called.
  {
    text: `${arg}ADD ${tini}-\${TARGETARCH}\${TARGETVARIANT} /tini`,
    v7: 'error none: ${TARGETARCH}',
    v6: 'error none: ${TARGETARCH}',
  },
  {
    text: `${arg}ADD ${s6}-\${TARGETARCH}.tar.gz /`,
    arm64: 'error semi: amd64 → aarch64',
    v7: 'error semi: amd64 → armhf',
    v6: 'error semi: amd64 → armhf',
  },
  { text: `${arg}ADD https://example.org/t-linux-\${TARGETARCH} /t`, ...unknown('${TARGETARCH}') },
  { text: `${arg}RUN curl -O https://example.org/$TARGETOS/$TARGETARCH/t`, ...unknown('$TARGETARCH') },
  { text: `${cross}RUN GOARCH=$TARGETARCH go build`, v6: 'warning auto: amd64 → arm GOARM=6' },
  {
    text: `${cross}RUN GOOS=linux GOARCH="\${TARGETARCH}" go build`,
    v6: 'warning auto: amd64 → arm GOARM=6',
  },
  { text: `${cross}ENV GOARCH=$TARGETARCH`, v6: 'warning none: $TARGETARCH' },
  // Nothing to say.
  { text: `${arg}ADD ${kubectl}/linux/\${TARGETARCH}/kubectl /kubectl` },
  { text: `${arg}RUN curl -Lo /yq ${yq}_\${TARGETOS}_\${TARGETARCH}` },
  { text: `${arg}ADD https://example.org/t-\${TARGETARCH}\${TARGETVARIANT} /t` },
  { text: `${arg}ADD https://example.org/t-linux-\${TARGETARCH}\${TARGETVARIANT:+-$TARGETVARIANT} /t` },
  { text: `${arg}RUN case $TARGETARCH in arm) curl -O https://example.org/t-$TARGETARCH ;; esac` },
  { text: `${arg}RUN case $TARGETARCH in arm) a=armhf ;; *) a=$TARGETARCH ;; esac; curl -O ${tini}-$a` },
  { text: `${arg}RUN echo https://example.org/t-$TARGETARCH` },
  { text: `${arg}COPY bin-\${TARGETARCH} /bin` },
  { text: `${cross}ARG TARGETVARIANT\nRUN GOARCH=$TARGETARCH GOARM=\${TARGETVARIANT#v} go build` },
  { text: `${cross}ENV GOARM=6\nRUN GOARCH=$TARGETARCH go build` },
  { text: 'ARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build' },
]);

migratesOnce(targetarchLosesVariant, [
  [`FROM debian:13\nARG TARGETARCH\nRUN curl -Lo /tini "${tini}-$TARGETARCH"\n`],
  [`FROM debian:13\nARG TARGETARCH\nADD ${s6}-\${TARGETARCH}.tar.gz /\n`],
  [
    `${cross}RUN GOOS=linux GOARCH="\${TARGETARCH}" go build\n`,
    'FROM --platform=$BUILDPLATFORM golang:1.22\nARG TARGETARCH\nARG TARGETVARIANT\nRUN GOOS=linux GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} go build\n',
  ],
]);
