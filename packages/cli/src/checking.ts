/**
 * What `mabuild check` loads: bundled with its worker alone, it is a fraction of what the other commands need.
 */

export { formatReport } from './formatters/report.ts';
export { checkFiles } from './sdk/check/check.ts';
export { countFindings } from './sdk/check/file-findings.ts';
export { knownRules, requireRules } from './sdk/check/rules.ts';
export { formatBytes } from './text/bytes.ts';
export { count } from './text/count.ts';
