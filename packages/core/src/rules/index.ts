import { archSuffixInTag } from './arch-suffix-in-tag.ts';
import { armNamespaceWrongTarget } from './arm-namespace-wrong-target.ts';
import { baseImageLacksPlatform } from './base-image-lacks-platform.ts';
import { copyFromImageLacksPlatform } from './copy-from-image-lacks-platform.ts';
import { deprecatedArmNamespace } from './deprecated-arm-namespace.ts';
import { fromPlatformConstantX86 } from './from-platform-constant-x86.ts';
import type { Rule } from './rule.ts';
import { x86Namespace } from './x86-namespace.ts';

export type { Finding, FixKind, ImageFacts, Rule, RuleContext, RulePage, Severity } from './rule.ts';

/** The rules that check and migrate follow unless told otherwise. */
export const recommendedRules: readonly Rule[] = [
  baseImageLacksPlatform,
  copyFromImageLacksPlatform,
  armNamespaceWrongTarget,
  x86Namespace,
  deprecatedArmNamespace,
  fromPlatformConstantX86,
  archSuffixInTag,
];
