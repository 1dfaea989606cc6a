/**
 * What `mabuild check` loads: bundled with its worker alone, it is a fraction of what the other commands need.
 */
export { count, countFindings } from './formatters/file-findings.ts';
export { formatReport } from './formatters/report.ts';
export { formatBytes } from './progress/text.ts';
export { checkFiles } from './sdk/check/check.ts';
export { knownRules, requireRules } from './sdk/check/rules.ts';
