import { normalizePlatform, type Platform } from '@mabuild/oci';
import type { Dockerfile, Stage } from './model.ts';

/** Architectures as stages are named for them; arm alone is any 32-bit ARM. */
const words: readonly (readonly [RegExp, string])[] = [
  [/(?:^|[^a-z0-9])(?:amd64|x86[-_]?64|x64)(?![a-z0-9])/, 'amd64'],
  [/(?:^|[^a-z0-9])(?:arm64(?:v8)?|aarch64)(?![a-z0-9])/, 'arm64'],
  [/(?:^|[^a-z0-9])(?:armv7l?|armhf|arm32v7|arm-?v7)(?![a-z0-9])/, 'arm/v7'],
  [/(?:^|[^a-z0-9])(?:armv6l?|armel|arm32v[56]|arm-?v[56])(?![a-z0-9])/, 'arm/v6'],
  [/(?:^|[^a-z0-9])arm(?![a-z0-9])/, 'arm'],
  [/(?:^|[^a-z0-9])(?:386|i386)(?![a-z0-9])/, '386'],
  [/(?:^|[^a-z0-9])(?:ppc64le|s390x|riscv64)(?![a-z0-9])/, 'other'],
];

/**
 * Tells whether a stage is the one of several that another architecture takes, as in `FROM x AS base-amd64` beside
 * `FROM y AS base-arm64` and below `FROM base-${TARGETARCH}`.
 */
export function isOtherBranch(dockerfile: Dockerfile, stage: Stage, platform: Platform): boolean {
  const own = architectureOf(stage);
  if (own === undefined || serves(own, platform)) return false;
  return dockerfile.stages.some((other) => {
    const its = architectureOf(other);
    return its !== undefined && its !== own;
  });
}

function architectureOf({ name = '' }: Stage): string | undefined {
  return words.find(([pattern]) => pattern.test(name))?.[1];
}

function serves(word: string, platform: Platform): boolean {
  const { architecture, variant } = normalizePlatform(platform);
  return word === architecture || word === `${architecture}/${variant}`;
}
