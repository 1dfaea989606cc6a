import { i386Multilib } from './i386-multilib.ts';
import type { Rule } from './rule.ts';
import { x86OnlyDistroPackage } from './x86-only-distro-package.ts';

/** Rules about what package managers install, and from where. */
export const packageRules: readonly Rule[] = [x86OnlyDistroPackage, i386Multilib];
