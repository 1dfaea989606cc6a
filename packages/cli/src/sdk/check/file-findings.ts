import { type Dockerfile, type Finding, isMadeUnasked, type Severity } from '@mabuild/core';

/** What was found in one file. */
export interface FileFindings {
  readonly path: string;
  readonly dockerfile: Pick<Dockerfile, 'text' | 'file'>;
  readonly findings: readonly Finding[];
  /** The text with every fix made that `mabuild migrate` makes, when it was asked for. */
  readonly fixed?: string | undefined;
}

/** How many findings there are of each severity. */
export function countFindings(files: readonly FileFindings[]): Record<Severity, number> {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const file of files) for (const finding of file.findings) counts[finding.severity] += 1;
  return counts;
}

/** Tells whether `mabuild migrate` makes the fix of a finding. */
export function isFixable(finding: Finding): boolean {
  return finding.edits.length > 0 && isMadeUnasked(finding.fix);
}
