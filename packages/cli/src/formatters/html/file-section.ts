import { type Finding, locate } from '@mabuild/core';
import { formatPlatformList } from '@mabuild/oci';
import { countFindings, type FileFindings } from '../../sdk/check/file-findings.ts';
import { fixDiff } from '../fix-diff.ts';
import { fixText } from '../rules.ts';
import { countChips, severityChip } from './chips.ts';
import { diffTable } from './diff-table.ts';
import { html, type Markup } from './markup.ts';
import { fileId, pathName } from './matrix.ts';
import { ruleId } from './rule-section.ts';
import { sourceLines } from './source.ts';

export interface FileSectionOptions {
  readonly index: number;
  readonly open: boolean;
  /** Names of rules that the page explains. */
  readonly explained: ReadonlySet<string>;
}

/** What was found in one file, and its text beside the text with every fix made. */
export function fileSection(file: FileFindings, options: FileSectionOptions): Markup {
  const { text } = file.dockerfile;
  const changed = file.fixed !== undefined && file.fixed !== text;
  const after = changed
    ? html`<h4>Original and fixed</h4>${diffTable(text, file.fixed ?? text, `${file.path}: the original beside the fixed text`)}`
    : html`<p class="faint"><code>mabuild migrate</code> leaves this file as it is in its portable style.</p>`;
  return html`<article class="file" id="${fileId(options.index)}"><details${options.open && html` open`}><summary><h3>${pathName(file.path)}</h3>${countChips(countFindings([file]))}</summary><div class="inside">
<ol class="findings">${file.findings.map((finding) => findingItem(file, finding, options.explained))}</ol>
${after}</div></details></article>
`;
}

function findingItem(file: FileFindings, finding: Finding, explained: ReadonlySet<string>): Markup {
  const { line, column } = locate(file.dockerfile, finding.range);
  const rule = explained.has(finding.rule)
    ? html`<a href="#${ruleId(finding.rule)}">${finding.rule}</a>`
    : finding.rule;
  const platforms = formatPlatformList(finding.platforms);
  const shownOnly = finding.fix === 'suggest' || finding.fix === 'none';
  const suggestion = shownOnly ? fixDiff(file.dockerfile.text, finding.edits) : [];
  return html`<li class="finding ${finding.severity}"><p class="head">${severityChip(finding.severity)}<strong>${finding.message}</strong></p>
<p class="meta">${rule} · line ${line}, column ${column} · ${platforms} · fix: ${fixText(finding)}</p>
${sourceLines(file, finding.range)}${finding.hint !== undefined && html`<p class="hint">${finding.hint}</p>`}${suggestion.length > 0 && html`<h4>Suggestion</h4><pre class="source diff">${suggestion.map(suggestionLine)}</pre>`}</li>
`;
}

function suggestionLine(row: string): Markup {
  const line = html`<span class="l">${row.startsWith('@@') ? row : row.slice(1)}</span>`;
  if (row.startsWith('+')) return html`<ins>${line}</ins>`;
  return row.startsWith('-') ? html`<del>${line}</del>` : line;
}
