import { unameInUrl } from '../../../packages/core/src/rules/uname-in-url.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

const compose = 'https://github.com/docker/compose/releases/download/v2.20.0/docker-compose';
const gosu = 'https://github.com/tianon/gosu/releases/download/1.14/gosu';
const kubectl = 'https://dl.k8s.io/release/v1.29.0/bin/linux';
const changes = {
  arm64: 'error auto: x86_64 → aarch64',
  v7: 'error auto: x86_64 → armv7',
  v6: 'error auto: x86_64 → armv6',
};
const unknown = (text: string): { v7: string; v6: string } => ({
  v7: `warning none: ${text}`,
  v6: `warning none: ${text}`,
});

ruleTable(unameInUrl, [
  { text: 'RUN curl -O "https://example.org/t-linux-$(uname -m).tgz"', ...unknown('$(uname -m)') },
  { text: 'RUN curl -O https://example.org/t-`uname -m`.tgz', ...unknown('`uname -m`') },
  { text: 'RUN curl -O https://example.org/t-$(arch).tgz', ...unknown('$(arch)') },
  { text: 'RUN A=$(uname -m) && curl -O "https://example.org/t-$A.tgz"', ...unknown('$A') },
  { text: 'RUN U="https://example.org/t-$(uname -m).tgz"; curl -O $U', ...unknown('$(uname -m)') },
  { text: `RUN curl -L ${compose}-$(uname -s)-$(uname -m) -o /x`, ...changes, arm64: '' },
  { text: `RUN curl -L "${compose}-linux-\${M:-$(uname -m)}" -o /x` },
  { text: `RUN m=$(uname -m); curl -L "${compose}-linux-$m" -o /x`, ...changes, arm64: '' },
  // sed puts it into other words.
  {
    text: `RUN a=$(uname -m | sed -e 's/x86_64/amd64/g' -e 's/aarch64/arm64/g') && curl -LO ${kubectl}/$a/kubectl`,
    v7: 'error auto: amd64 → arm',
  },
  {
    text: `ARG TARGETARCH\nRUN a="$(echo $TARGETARCH | sed s/amd64/x86_64/)" && curl -LO ${compose}-linux-$a`,
    arm64: 'error auto: x86_64 → aarch64',
    v7: 'error auto: x86_64 → armv7',
    v6: 'error auto: x86_64 → armv6',
  },
  {
    text: `RUN curl -LO ${kubectl}/$(uname -m | sed 's/x86_64/amd64/;s/aarch64/arm64/;s/armv7l/arm/')/kubectl`,
  },
  // One sed after the other.
  {
    text: `RUN a=$(uname -m | sed s/x86_64/amd64/ | sed s/aarch64/arm64/) && curl -LO ${gosu}-$a`,
    v7: 'error auto: amd64 → armhf',
    v6: 'error auto: amd64 → armel',
  },
  {
    text: `RUN a=$(uname -m | sed 's|x86_64|amd64|' | sed -e "s/armv7l/arm/" -e s/armv6l/arm/) && curl -LO ${kubectl}/$a/kubectl`,
    arm64: 'error auto: amd64 → arm64',
  },
  { text: `RUN a=$(uname -m | sed s/x86_64/amd64/ | tr a b) && curl -LO ${kubectl}/$a/kubectl` },
  { text: `RUN a=$(uname -m | sed 's/x86_64/amd64/;s/arm.*/arm/'); curl -O https://example.org/$a.tgz` },
  // Two of them in one address cannot be written as one.
  {
    text: 'RUN curl -O https://example.org/$(uname -m)/t-$(uname -m).tgz',
    ...unknown('https://example.org/$(uname -m)/t-$(uname -m).tgz'),
  },
  {
    text: `RUN curl -LO ${kubectl}/$(dpkg --print-architecture)/kubectl`,
    v7: 'error auto: amd64 → arm',
  },
  {
    text: `RUN a="$(dpkg --print-architecture)"; curl -LO ${kubectl}/$a/kubectl`,
    v7: 'error auto: amd64 → arm',
  },
  { text: `FROM alpine\nRUN curl -L ${compose}-linux-$(apk --print-arch)`, v6: 'error auto: x86_64 → armv6' },
  { text: `RUN curl -LO ${gosu}-$(dpkg --print-architecture)` },
  { text: 'RUN curl -O https://example.org/t-$(dpkg --print-architecture).tgz' },
  { text: 'RUN curl -O https://example.org/t-$(uname -s).tgz' },
  { text: 'RUN echo $(uname -m)' },
  { text: 'RUN case "$(uname -m)" in x86_64) curl -O https://example.org/$(uname -m) ;; esac' },
  { text: 'FROM --platform=$BUILDPLATFORM x\nRUN curl -O https://example.org/$(uname -m)' },
  { text: `RUN curl -O ${gosu}-amd64` },
]);

migratesOnce(unameInUrl, [
  [`FROM debian:13\nRUN curl -L "${compose}-$(uname -s)-$(uname -m)" -o /x\n`],
  [`FROM debian:13\nRUN a=$(uname -m | sed s/x86_64/amd64/ | sed s/aarch64/arm64/) && curl -LO ${gosu}-$a\n`],
  [`FROM debian:13\nRUN m=$(uname -m); curl -L "${compose}-linux-$m" -o /x\n`],
]);
