import { balenaCrossBuildMarker } from './balena-cross-build-marker.ts';
import { baseImageFromVariable } from './base-image-from-variable.ts';
import { cudaBase } from './cuda-base.ts';
import { digestPinnedBase } from './digest-pinned-base.ts';
import { endOfLifeBase } from './end-of-life-base.ts';
import { qemuStaticCopied } from './qemu-static-copied.ts';
import type { Rule } from './rule.ts';
import { thirdPartyBaseUnknown } from './third-party-base-unknown.ts';
import { windowsBase } from './windows-base.ts';

/** Rules about what a stage stands on, and what old ways of emulating left behind. */
export const imageRules: readonly Rule[] = [
  qemuStaticCopied,
  endOfLifeBase,
  cudaBase,
  digestPinnedBase,
  windowsBase,
  balenaCrossBuildMarker,
  baseImageFromVariable,
  thirdPartyBaseUnknown,
];
