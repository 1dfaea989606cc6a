import { i386Multilib } from './i386-multilib.ts';
import { pipNativePackage } from './pip-native-package.ts';
import type { Rule } from './rule.ts';
import { x86OnlyDistroPackage } from './x86-only-distro-package.ts';
import { x86OnlyFrameworkBuild } from './x86-only-framework-build.ts';

/** Rules about what package managers install, and from where. */
export const packageRules: readonly Rule[] = [
  pipNativePackage,
  x86OnlyDistroPackage,
  i386Multilib,
  x86OnlyFrameworkBuild,
];
