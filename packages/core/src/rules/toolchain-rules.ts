import { multiarchLibdir } from './multiarch-libdir.ts';
import type { Rule } from './rule.ts';

/** Rules about paths, compilers, conditions and BuildKit's automatic ARGs. */
export const toolchainRules: readonly Rule[] = [multiarchLibdir];
