import { multiarchLibdir } from './multiarch-libdir.ts';
import { platformArgDefault } from './platform-arg-default.ts';
import { platformArgUndeclared } from './platform-arg-undeclared.ts';
import type { Rule } from './rule.ts';

/** Rules about paths, compilers, conditions and BuildKit's automatic ARGs. */
export const toolchainRules: readonly Rule[] = [platformArgDefault, platformArgUndeclared, multiarchLibdir];
