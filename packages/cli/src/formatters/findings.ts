import { type Dockerfile, type Finding, locate } from '@mabuild/core';
import { formatPlatform } from '@mabuild/oci';
import { formatLocation } from './error.ts';
import type { Paint } from './paint.ts';

/** What was found in one file. */
export interface FileFindings {
  readonly path: string;
  readonly dockerfile: Pick<Dockerfile, 'text' | 'file'>;
  readonly findings: readonly Finding[];
}

/** Findings as people read them: severity, message, rule and platforms; the place with carets; what to do. */
export function formatFinding(file: FileFindings, finding: Finding, paint: Paint): string {
  const severity =
    finding.severity === 'error'
      ? paint.error('error:')
      : finding.severity === 'warning'
        ? paint.warning('warning:')
        : 'info:';
  const platforms = finding.platforms.map((platform) => formatPlatform(platform)).join(', ');
  const lines = [
    `${severity} ${finding.message} (${finding.rule}; ${platforms})`,
    ...formatLocation(locate(file.dockerfile, finding.range)),
  ];
  if (finding.hint) lines.push(`${paint.hint('hint:')} ${finding.hint}`);
  return `${lines.join('\n')}\n`;
}

/** Every finding of every file, and a line that counts them. */
export function formatFindings(files: readonly FileFindings[], paint: Paint): string {
  const blocks = files.flatMap((file) => file.findings.map((finding) => formatFinding(file, finding, paint)));
  const { error, warning, info } = countFindings(files);
  const counts = `${files.length} ${files.length === 1 ? 'file' : 'files'}: ${error} errors, ${warning} warnings, ${info} notes\n`;
  return [...blocks, counts].join('\n');
}

/** The document of `check --format json`, as docs/cli.md has it. */
export function findingsDocument(files: readonly FileFindings[], platforms: readonly string[]): object {
  return {
    version: 1,
    platforms,
    files: files.map((file) => ({
      path: file.path,
      findings: file.findings.map((finding) => ({
        rule: finding.rule,
        severity: finding.severity,
        platforms: finding.platforms.map((platform) => formatPlatform(platform)),
        message: finding.message,
        ...(finding.hint ? { hint: finding.hint } : {}),
        ...span(file.dockerfile, finding.range),
        fix: finding.fix,
        edits: finding.edits.map((edit) => ({ ...span(file.dockerfile, edit), newText: edit.newText })),
      })),
    })),
    summary: countFindings(files),
  };
}

/** How many findings there are of each severity. */
export function countFindings(files: readonly FileFindings[]): {
  error: number;
  warning: number;
  info: number;
} {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const file of files) for (const finding of file.findings) counts[finding.severity] += 1;
  return counts;
}

function span(dockerfile: FileFindings['dockerfile'], range: { start: number; end: number }): object {
  const { line, column, endLine, endColumn } = locate(dockerfile, range);
  return { line, column, endLine: endLine ?? line, endColumn: endColumn ?? column };
}
