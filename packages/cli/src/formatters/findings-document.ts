import { type Finding, locate, type Range } from '@mabuild/core';
import { formatPlatform } from '@mabuild/oci';
import { countFindings, type FileFindings } from '../sdk/check/file-findings.ts';

/** The document of `check --format json`, as docs/cli.md has it. */
export function findingsDocument(files: readonly FileFindings[], platforms: readonly string[]): object {
  return {
    version: 1,
    platforms,
    files: files.map((file) => ({
      path: file.path,
      findings: file.findings.map((finding) => findingDocument(file, finding)),
    })),
    summary: countFindings(files),
  };
}

function findingDocument(file: FileFindings, finding: Finding): object {
  return {
    rule: finding.rule,
    severity: finding.severity,
    platforms: finding.platforms.map((platform) => formatPlatform(platform)),
    message: finding.message,
    ...(finding.hint ? { hint: finding.hint } : {}),
    ...span(file, finding.range),
    fix: finding.fix,
    edits: finding.edits.map((edit) => ({ ...span(file, edit), newText: edit.newText })),
  };
}

function span(file: FileFindings, range: Range): object {
  const { line, column, endLine, endColumn } = locate(file.dockerfile, range);
  return { line, column, endLine: endLine ?? line, endColumn: endColumn ?? column };
}
