import { type Finding, locate } from '@mabuild/core';
import { formatPlatformList } from '@mabuild/oci';
import { countFindings, type FileFindings, isFixable } from '../sdk/check/file-findings.ts';
import { count } from '../text/count.ts';
import { type Paint, plainPaint } from '../text/paint.ts';
import { visible } from '../text/visible.ts';
import { fixDiff } from './fix-diff.ts';
import { formatSpan } from './source-span.ts';

export interface FindingsTextOptions {
  /** @default no colours */
  readonly paint?: Paint | undefined;
  /** What was asked to be checked, for the command that comes next. @default the files that have fixes */
  readonly paths?: readonly string[] | undefined;
  /** The platforms asked for, where they are not the usual ones, for the command that comes next. */
  readonly platforms?: readonly string[] | undefined;
}

/** A finding as people read it: severity, message, rule and platforms; the place with carets; what to do; the fix. */
export function formatFinding(file: FileFindings, finding: Finding, paint: Paint = plainPaint): string {
  const platforms = formatPlatformList(finding.platforms);
  const { line, column } = locate(file.dockerfile, finding.range);
  const lines = [
    `${severityLabel(finding, paint)} ${visible(finding.message)} ${paint.faint(`(${finding.rule}; ${platforms})`)}`,
    `  ${visible(file.path)}:${line}:${column}`,
    ...formatSpan(file.dockerfile, finding.range).map((row) =>
      /^ +\| +\^+$/.test(row) ? paint.error(row) : row,
    ),
  ];
  if (finding.hint) lines.push(`${paint.hint('hint:')} ${visible(finding.hint)}`);
  const fix = fixDiff(file.dockerfile.text, finding.edits);
  if (fix.length > 0) {
    lines.push(paint.hint(fixLabels[finding.fix]));
    lines.push(...fix.map((row) => `  ${paintDiffLine(visible(row), paint)}`));
  }
  return `${lines.join('\n')}\n`;
}

/** Every finding of every file, a line that counts them, and the commands that come next. */
export function formatFindings(files: readonly FileFindings[], options: FindingsTextOptions = {}): string {
  const paint = options.paint ?? plainPaint;
  const blocks = files.flatMap((file) => file.findings.map((finding) => formatFinding(file, finding, paint)));
  return [...blocks, `${summary(files)}\n${next(files, options, paint)}`].join('\n');
}

const fixLabels: Readonly<Record<Finding['fix'], string>> = {
  auto: 'fix:',
  semi: 'fix, if that is meant:',
  suggest: 'suggestion:',
  none: 'suggestion:',
};

function severityLabel(finding: Finding, paint: Paint): string {
  if (finding.severity === 'error') return paint.error('error:');
  return finding.severity === 'warning' ? paint.warning('warning:') : 'info:';
}

function paintDiffLine(line: string, paint: Paint): string {
  if (line.startsWith('@@')) return paint.faint(line);
  if (line.startsWith('+')) return paint.added(line);
  return line.startsWith('-') ? paint.removed(line) : line;
}

function summary(files: readonly FileFindings[]): string {
  const { error, warning, info } = countFindings(files);
  const found = `${count(files.length, 'file')}: ${count(error, 'error')}, ${count(warning, 'warning')}, ${count(info, 'note')}`;
  const fixes = files.flatMap((file) => file.findings.filter(isFixable)).length;
  return fixes > 0 ? `${found}; ${fixes.toLocaleString('en')} can be fixed for you` : found;
}

/** Files that are named in the next command before it names what was asked for. */
const mostNamed = 3;

function next(files: readonly FileFindings[], options: FindingsTextOptions, paint: Paint): string {
  const fixable = files.filter((file) => file.findings.some(isFixable)).map((file) => file.path);
  const rule = files.flatMap((file) => file.findings).find((finding) => finding.rule !== 'syntax')?.rule;
  const lines: string[] = [];
  if (fixable.length > 0) {
    const named = fixable.length <= mostNamed ? fixable : (options.paths ?? fixable.slice(0, mostNamed));
    const platforms = options.platforms ? ['--platform', options.platforms.join(',')] : [];
    lines.push(`next: ${['mabuild', 'migrate', ...platforms, ...named].map(shellWord).join(' ')}`);
  }
  if (rule !== undefined) lines.push(`why:  mabuild rules ${shellWord(rule)}`);
  return lines.map((line) => `${paint.hint(line.slice(0, 5))}${line.slice(5)}\n`).join('');
}

/** A word as a POSIX shell reads it back. */
function shellWord(word: string): string {
  const shown = visible(word);
  return /^[\w@%+=:,./-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
}
