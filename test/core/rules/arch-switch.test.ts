import { execFileSync } from 'node:child_process';
import { parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { migrateDockerfile, parseDockerfile } from '../../../packages/core/src/index.ts';
import { archSwitchLacksArm32 } from '../../../packages/core/src/rules/arch-switch-lacks-arm32.ts';
import { x86OnlyCondition } from '../../../packages/core/src/rules/x86-only-condition.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { type RuleRow, ruleTable } from '../../support/rule-table.ts';

const dpkg = '$(dpkg --print-architecture)';
const rest = 'curl -O "https://example.org/t-$a.tgz"';
const gosu = 'curl -O "https://github.com/tianon/gosu/releases/download/1.14/gosu-$a"';
const only32 = (text: string): Pick<RuleRow, 'v7' | 'v6'> => ({ v7: text, v6: text });
const silent: readonly RuleRow[] = [
  { text: `RUN case "${dpkg}" in amd64) a=x ;; arm64) a=y ;; arm*) a=z ;; esac; ${rest}` },
  { text: `RUN case "$(uname -m)" in x86_64|aarch64|armv7l) a=$(uname -m) ;; *) exit 1 ;; esac; ${rest}` },
  { text: `RUN case "${dpkg}" in amd64) a=x ;; *) a=$(uname -m) ;; esac; ${rest}` },
  { text: `RUN case "${dpkg}" in amd64) a=x ;; arm64) a=y ;; *) echo none; exit 0 ;; esac; ${rest}` },
  { text: `RUN a=; case "${dpkg}" in amd64|arm64) a=--jit ;; esac; ./configure $a` },
  { text: `RUN if [ "$(uname -m)" = x86_64 ]; then CFLAGS=-mavx make; fi` },
  { text: `RUN f=; if [ "$(uname -m)" = x86_64 ]; then f=-mavx; fi; make CFLAGS="$f"` },
  { text: `RUN if [ "$TARGETARCH" = amd64 ]; then a=x; else a=y; fi; ${rest}` },
  { text: `RUN if [ "$TARGETARCH" != amd64 ]; then rm -r /x86; fi` },
  { text: `RUN [ "$(uname -m)" = x86_64 ] && a=x || a=$(uname -m); ${rest}` },
  { text: `RUN if [ "$(uname -m)" = x86_64 ]; then a=x; else echo 'arm64 or armhf'; a=y; fi; ${rest}` },
  { text: `RUN [ "$(uname -m)" = x86_64 ] && apt-get install -y x || true` },
  { text: `RUN [ "$(uname -m)" = x86_64 ] && apt-get install -y x; echo done` },
  { text: `RUN if [ "$(uname -m)" != x86_64 ] && [ "$(uname -m)" != aarch64 ]; then exit 1; fi` },
  { text: `FROM --platform=$BUILDPLATFORM x\nRUN [ "$(uname -m)" = x86_64 ] || exit 1` },
  { text: `RUN case "$1" in start) a=x ;; esac` },
  // multiarch-libdir tells of it.
  { text: 'RUN test -e /usr/lib/x86_64-linux-gnu/libz.so.1 || exit 1' },
  { text: `RUN case "$(cat /etc/os-release)" in *debian*) exit 1 ;; esac` },
  { text: `RUN grep x_linux_amd64.zip SUMS | sha256sum -c && unzip x` },
  {
    text: `FROM --platform=$BUILDPLATFORM x\nRUN case "$(uname -m)" in x86_64) a=x ;; aarch64) a=y ;; *) exit 1 ;; esac`,
  },
  { text: `ARG BUILDARCH\nRUN case "$BUILDARCH" in amd64) a=x ;; arm64) a=y ;; *) exit 1 ;; esac` },
  { text: `FROM x AS linux-amd64\nRUN case "$(uname -m)" in x86_64) a=x ;; *) exit 1 ;; esac` },
];

ruleTable(archSwitchLacksArm32, [
  {
    text: `RUN case "${dpkg}" in amd64) a=x64 ;; arm64) a=arm64 ;; *) exit 1 ;; esac && ${rest}`,
    ...only32(`error none: case "${dpkg}"`),
  },
  {
    text: `RUN arch="${dpkg}"; case "\${arch##*-}" in *amd64) a=x ;; *arm64) a=y ;; *) echo no && exit 1 ;; esac; ${rest}`,
    ...only32('error none: case "${arch##*-}"'),
  },
  {
    text: `RUN case "${dpkg}" in amd64) a=x ;; arm64) a=y ;; esac && ${rest}`,
    ...only32(`warning none: case "${dpkg}"`),
  },
  {
    text: 'ARG TARGETARCH\nRUN case $TARGETARCH in amd64) x ;; arm64) y ;; esac',
    ...only32('warning none: case $TARGETARCH'),
  },
  {
    text: 'RUN if [ "$TARGETARCH" = arm64 ]; then u=linux-aarch64; else u=linux-x86_64; fi; wget $u',
    ...only32('error none: if [ "$TARGETARCH" = arm64 ]'),
  },
  {
    text: 'RUN <<EOF\nset -e\ncase "${TARGETARCH}" in\n  "amd64") A="x" ;;\n  "arm64") A="y" ;;\n  *) exit 1 ;;\nesac\nwget $A\nEOF',
    ...only32('error none: case "${TARGETARCH}"'),
  },
  {
    text: `RUN [ "$(uname -m)" = x86_64 ] && a=amd64 || a=arm64; ${rest}`,
    ...only32('error none: [ "$(uname -m)" = x86_64 ]'),
  },
  {
    text: `RUN if [ "$(uname -m)" = x86_64 ]; then a=amd64; else a=arm64; fi; ${rest}`,
    ...only32('error none: if [ "$(uname -m)" = x86_64 ]'),
  },
  // The words of another vocabulary are never answered.
  {
    text: `ARG TARGETARCH\nRUN case $TARGETARCH in amd64) a=x ;; arm64) a=y ;; armv7) a=z ;; *) exit 1 ;; esac; ${rest}`,
    ...only32('error none: case $TARGETARCH'),
  },
  {
    text: `FROM alpine\nRUN case "$(apk --print-arch)" in x86_64) a=x ;; aarch64) a=y ;; armhf) a=z ;; *) exit 1 ;; esac; ${rest}`,
    v7: 'error none: case "$(apk --print-arch)"',
  },
  {
    text: `FROM alpine:3.7\nRUN case "$(apk --print-arch)" in x86_64) a=x ;; aarch64) a=y ;; armhf) a=z ;; *) exit 1 ;; esac; ${rest}`,
  },
  {
    text: `RUN m=$(uname -m); case "$m" in x86_64) a=x ;; aarch64) a=y ;; armhf) a=z ;; *) exit 1 ;; esac; ${rest}`,
    ...only32('error none: case "$m"'),
  },
  {
    text: `ARG TARGETPLATFORM\nRUN if [ "$TARGETPLATFORM" = "linux/amd64" ]; then a=x; elif [ "$TARGETPLATFORM" = "linux/arm64" ]; then a=y; elif [ "$TARGETPLATFORM" = "linux/arm" ]; then a=z; fi; ${rest}`,
    ...only32('warning none: if [ "$TARGETPLATFORM" = "linux/amd64" ]'),
  },
  {
    text: `RUN a="${dpkg}"; a="\${a##*-}"; case "$a" in amd64) a=x ;; arm64) a=y ;; armhf) a=z ;; *) exit 1 ;; esac; ${rest}`,
  },
  {
    text: `RUN m=$(uname -m | sed s/armv7l/armhf/); case "$m" in x86_64) a=x ;; aarch64) a=y ;; armhf) a=z ;; *) exit 1 ;; esac; ${rest}`,
  },
  // A well-known download tells what the branch is.
  {
    text: `RUN case "${dpkg}" in amd64) a=amd64 ;; arm64) a=arm64 ;; *) exit 1 ;; esac && ${gosu}`,
    ...only32(`error semi: case "${dpkg}"`),
  },
  {
    text: `FROM ubuntu:24.04\nRUN case "${dpkg}" in amd64) a=amd64 ;; arm64) a=arm64 ;; *) exit 1 ;; esac && ${gosu}`,
    v7: `error semi: case "${dpkg}"`,
    v6: `error none: case "${dpkg}"`,
  },
  // One word, two downloads.
  {
    text: `ARG TARGETARCH\nRUN case $TARGETARCH in amd64) a=amd64 ;; arm64) a=arm64 ;; *) exit 1 ;; esac && ${gosu}`,
    ...only32('error none: case $TARGETARCH'),
  },
  // The author's arm64 is not the table's.
  {
    text: `RUN case "${dpkg}" in amd64) a=amd64 ;; arm64) a=arm64v8 ;; *) exit 1 ;; esac && ${gosu}`,
    ...only32(`error none: case "${dpkg}"`),
  },
  // It sets more than the address tells.
  {
    text: `RUN case "${dpkg}" in amd64) a=amd64 s=1 ;; arm64) a=arm64 s=2 ;; *) exit 1 ;; esac && ${gosu} && x $s`,
    ...only32(`error none: case "${dpkg}"`),
  },
  { text: `RUN case "${dpkg}" in amd64) a=x ;; *) exit 1 ;; esac; ${rest}` },
  ...silent,
]);

ruleTable(x86OnlyCondition, [
  // A well-known download tells what the branches are.
  {
    text: `RUN case "${dpkg}" in amd64) a=amd64 ;; *) exit 1 ;; esac && ${gosu}`,
    all: `error semi: case "${dpkg}"`,
  },
  {
    text: `RUN case "${dpkg}" in amd64) a=amd64 ;; armhf) a=armhf ;; *) exit 1 ;; esac && ${gosu}`,
    arm64: `error semi: case "${dpkg}"`,
  },
  // The author's word for ARM is not the table's.
  {
    text: `RUN case "${dpkg}" in amd64) a=amd64 ;; armhf) a=arm7 ;; *) exit 1 ;; esac && ${gosu}`,
    arm64: `error none: case "${dpkg}"`,
  },
  // No ;; to write behind.
  {
    text: `RUN case "${dpkg}" in amd64) a=amd64; esac && ${gosu}`,
    all: `error none: case "${dpkg}"`,
  },
  {
    text: `ARG TARGETARCH\nRUN case $TARGETARCH in amd64) a=x ;; aarch64) a=y ;; arm) a=z ;; *) exit 1 ;; esac; ${rest}`,
    arm64: 'error none: case $TARGETARCH',
  },
  {
    text: `RUN case "${dpkg}" in amd64) a=x ;; i386) a=y ;; *) exit 1 ;; esac && ${rest}`,
    all: `error none: case "${dpkg}"`,
  },
  {
    text: `RUN case "${dpkg}" in amd64) a=x ;; armhf) a=y ;; *) exit 1 ;; esac && ${rest}`,
    arm64: `error none: case "${dpkg}"`,
  },
  {
    text: `RUN if [ "$(uname -m)" = "x86_64" ]; then a=x; fi; ${rest}`,
    all: 'error none: if [ "$(uname -m)" = "x86_64" ]',
  },
  {
    text: `RUN if [ "$(uname -m)" = x86_64 ]; then a=x; else echo no; exit 1; fi; ${rest}`,
    all: 'error none: if [ "$(uname -m)" = x86_64 ]',
  },
  {
    text: 'RUN if [ "$(uname -m)" != "x86_64" ]; then echo no; exit 1; fi',
    all: 'error none: if [ "$(uname -m)" != "x86_64" ]',
  },
  {
    text: 'RUN test "$(uname -m)" = x86_64 || { echo no; exit 1; }',
    all: 'error none: test "$(uname -m)" = x86_64 || { echo no; exit 1',
  },
  {
    text: 'RUN [ "$(uname -m)" = x86_64 ] || exit 1',
    all: 'error none: [ "$(uname -m)" = x86_64 ] || exit 1',
  },
  {
    text: 'ARG TARGETARCH\nRUN [ "$TARGETARCH" = "amd64" ] && apt-get install -y x',
    all: 'error none: [ "$TARGETARCH" = "amd64" ] && apt-get install -y x',
  },
  { text: `RUN case "${dpkg}" in amd64) a=x ;; arm64) a=y ;; *) exit 1 ;; esac; ${rest}` },
  ...silent,
]);

migratesOnce(x86OnlyCondition, [
  [
    `FROM debian:13\nRUN case "${dpkg}" in amd64) a=amd64 ;; esac && ${gosu}\n`,
    `FROM debian:13\nRUN case "${dpkg}" in amd64) a=amd64 ;; arm64) a=arm64 ;; armhf) a=armhf ;; armel) a=armel ;; esac && ${gosu}\n`,
  ],
]);

describe('a branch for 32-bit ARM', () => {
  const gosuCase = (separator: string, more = ''): string =>
    `FROM debian:13\nRUN case "${dpkg}" in${separator}amd64) a=amd64 ;;${separator}arm64) a=arm64 ;;${separator}${more}*) exit 1 ;;${separator}esac && ${gosu}\n`;
  for (const separator of [' ', ' \\\n      ', ' \\\n\t# note\n\t\t']) {
    it(`is written like the others, between ${JSON.stringify(separator)}`, async () => {
      const between = separator.includes('#') ? ' ' : separator;
      const after = gosuCase(separator, `armhf) a=armhf ;;${between}`);
      for (const style of ['portable', 'per-arch'] as const) {
        const options = {
          platforms: [parsePlatform('linux/arm/v7')],
          style,
          rules: [archSwitchLacksArm32],
          only: [archSwitchLacksArm32.name],
        };
        const { files, unfixed } = await migrateDockerfile(gosuCase(separator), options);
        expect(files[0]?.text).to.equal(after);
        expect(unfixed).to.deep.equal([]);
        const again = await migrateDockerfile(after, options);
        expect(again.files[0]?.text).to.equal(after);
      }
      expect(runCase(after, 'armhf')).to.equal(
        'https://github.com/tianon/gosu/releases/download/1.14/gosu-armhf',
      );
      expect(runCase(after, 'amd64')).to.equal(
        'https://github.com/tianon/gosu/releases/download/1.14/gosu-amd64',
      );
    });
  }
});

/** Runs the script with stubs for dpkg and curl, and tells what is downloaded. */
function runCase(text: string, arch: string): string {
  const script = parseDockerfile(text).stages[0]!.instructions[0]!.args[0]!;
  const stubs = `dpkg() { echo ${arch}; }; curl() { echo "$2"; }; `;
  return execFileSync('/bin/sh', ['-c', stubs + script], { encoding: 'utf8' }).trim();
}
