import { type Finding, locate } from '@mabuild/core';
import { formatPlatformList } from '@mabuild/oci';
import type { FileFindings } from '../sdk/check/file-findings.ts';
import { visible } from '../text/visible.ts';

const commands: Readonly<Record<Finding['severity'], string>> = {
  error: 'error',
  warning: 'warning',
  info: 'notice',
};

/** Findings as workflow commands of GitHub Actions, which shows them beside the lines of a pull request. */
export function formatGithub(files: readonly FileFindings[]): string {
  return files.flatMap((file) => file.findings.map((finding) => `${annotation(file, finding)}\n`)).join('');
}

function annotation(file: FileFindings, finding: Finding): string {
  const { line, column, endLine = line, endColumn = column } = locate(file.dockerfile, finding.range);
  const properties: Record<string, string | number> = { file: file.path, line, endLine };
  // GitHub takes columns for what lies on one line only.
  if (line === endLine) Object.assign(properties, { col: column, endColumn });
  properties.title = `mabuild ${finding.rule}`;
  const platforms = formatPlatformList(finding.platforms);
  const message = [`${finding.message} (${platforms})`, ...(finding.hint ? [`hint: ${finding.hint}`] : [])];
  const pairs = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(String(value))}`);
  return `::${commands[finding.severity]} ${pairs.join(',')}::${escapeData(message.map(visible).join('\n'))}`;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
