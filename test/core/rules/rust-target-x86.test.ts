import { rustTargetX86 } from '../../../packages/core/src/rules/rust-target-x86.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

const musl = 'x86_64-unknown-linux-musl';
const gnu = 'x86_64-unknown-linux-gnu';
function on(text: string, count = 1): { arm64: string; v7: string; v6: string } {
  const row = (to: string): string =>
    `error semi: ${Array.from({ length: count }, () => `${text} → ${to}`).join(', ')}`;
  return text === musl
    ? {
        arm64: row('aarch64-unknown-linux-musl'),
        v7: row('armv7-unknown-linux-musleabihf'),
        v6: row('arm-unknown-linux-musleabihf'),
      }
    : {
        arm64: row('aarch64-unknown-linux-gnu'),
        v7: row('armv7-unknown-linux-gnueabihf'),
        v6: row('arm-unknown-linux-gnueabi'),
      };
}

ruleTable(rustTargetX86, [
  { text: `RUN cargo build --release --target ${musl}`, ...on(musl) },
  { text: `RUN cargo build --release --target=${gnu}`, ...on(gnu) },
  {
    text: `FROM alpine\nRUN cargo build --target=${gnu}`,
    ...on(gnu),
    v6: on(gnu).v6.replace('gnueabi', 'gnueabihf'),
  },
  {
    text: `RUN rustup target add ${musl} && cargo build --target ${musl} && cp target/${musl}/release/app /`,
    ...on(musl, 3),
  },
  {
    text: `FROM rust AS b\nRUN cargo build --target ${musl}\nFROM scratch\nCOPY --from=b /src/target/${musl}/release/app /`,
    ...on(musl, 2),
  },
  { text: `ENV CARGO_BUILD_TARGET=${musl}\nRUN cargo build`, ...on(musl) },
  {
    text: `ARG TARGET=${musl}\nRUN cargo build --target $TARGET\nRUN cp target/$TARGET/release/app /`,
    ...on(musl),
  },
  { text: `RUN rustup toolchain install stable-${gnu}`, ...on(gnu) },
  {
    text: `RUN rustup-init -y --default-host ${gnu}\nRUN cargo +nightly-2024-01-01-${gnu} build`,
    ...on(gnu, 2),
  },
  { text: `FROM --platform=$BUILDPLATFORM rust\nRUN cargo build --target ${musl}`, ...on(musl) },
  {
    text: `ENV CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER=x\nRUN cargo build --target ${musl}`,
    all: `error none: ${musl}`,
  },
  { text: `RUN curl -O https://static.rust-lang.org/rustup/dist/${gnu}/rustup-init` },
  { text: `RUN curl -O https://example.org/rg-13-${musl}.tar.gz && mv rg-13-${musl}/rg /bin` },
  { text: `RUN ./rustup-init -y --default-host ${gnu}`, ...on(gnu) },
  { text: `RUN ls /usr/lib/rustlib/${gnu}/bin`, ...on(gnu) },
  { text: 'RUN cargo build --release' },
  { text: `RUN cargo build --target ${gnu} && cargo build --target aarch64-unknown-linux-gnu` },
  { text: `RUN clang --target=${gnu} a.c` },
  { text: `RUN if [ "$(uname -m)" = x86_64 ]; then cargo build --target ${gnu}; fi` },
  { text: 'RUN cargo build --target wasm32-unknown-unknown' },
]);

migratesOnce(rustTargetX86, [
  [`FROM rust:1\nRUN rustup target add ${musl} && cargo build --target ${musl}\n`],
  [
    `FROM rust:1 AS b\nRUN cargo build --target ${musl}\nFROM scratch\nCOPY --from=b /target/${musl}/release/app /\n`,
  ],
]);
