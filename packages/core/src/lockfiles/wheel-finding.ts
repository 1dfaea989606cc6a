import type { Platform } from '@mabuild/oci';
import type { Range } from '../dockerfile/model.ts';
import type { Finding } from '../rules/rule.ts';
import { lockFinding } from './lock-finding.ts';

/** A Python package that has no wheel for some platforms. */
export interface WheelLack {
  /** With its version, as messages call it. */
  readonly called: string;
  /** pip can compile it. */
  readonly source: boolean;
  readonly platforms: readonly Platform[];
  readonly range: Range;
  readonly hint: string;
}

/** pip compiles such a package, which takes a compiler, or fails when there are no sources either. */
export function wheelFinding({ called, source, platforms, range, hint }: WheelLack): Finding {
  const [rule, severity] = source
    ? (['locked-package-compiles', 'warning'] as const)
    : (['locked-package-lacks-platform', 'error'] as const);
  const message = (names: string): string =>
    source
      ? `${called} has no wheel for ${names}: it is compiled there`
      : `${called} has neither a wheel for ${names} nor sources`;
  return lockFinding(rule, severity, platforms, range, message, hint);
}
