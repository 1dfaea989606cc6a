import type { Finding } from '@mabuild/core';
import { formatPlatform } from '@mabuild/oci';
import { countFindings, type FileFindings, isFixable } from '../../sdk/check/file-findings.ts';
import { countChips } from './chips.ts';
import { html, type Markup } from './markup.ts';

/** Rules that a cell names before it counts the others. */
const mostNamed = 3;

/** The id of a file's section. */
export function fileId(index: number): string {
  return `file-${index + 1}`;
}

/** A path as people read it: its folder faint. */
export function pathName(path: string): Markup {
  if (path === '-') return html`standard input`;
  const slash = path.lastIndexOf('/') + 1;
  return html`${slash > 0 && html`<span class="faint">${path.slice(0, slash)}</span><wbr>`}${path.slice(slash)}`;
}

/** Findings of a file that are about a platform. */
export function findingsFor(file: FileFindings, platform: string): readonly Finding[] {
  return file.findings.filter((finding) =>
    finding.platforms.some((other) => formatPlatform(other) === platform),
  );
}

/** The head of the table of files and platforms; rows and {@link matrixEnd} follow. */
export function matrixStart(platforms: readonly string[], files: number): Markup {
  return html`<table class="list" id="matrix" role="table"><caption>${files === 1 ? 'What' : 'Per file, what'} was found for each platform, and the rules that block it. A cell leads to the file's findings.</caption>
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">File</th>${platforms.map((platform) => html`<th scope="col" role="columnheader">${platform}</th>`)}<th scope="col" role="columnheader">Fixed by migrate</th></tr></thead>
<tbody role="rowgroup">
`;
}

export const matrixEnd: Markup = html`</tbody></table>\n`;

export function matrixRow(file: FileFindings, index: number, platforms: readonly string[]): Markup {
  const clear = file.findings.length === 0;
  const name = clear ? pathName(file.path) : html`<a href="#${fileId(index)}">${pathName(file.path)}</a>`;
  const fixes = file.findings.filter(isFixable).length;
  return html`<tr role="row" data-file="${fileId(index)}"${clear && html` class="clear"`}><th scope="row" role="rowheader">${name}</th>${platforms.map((platform) => cell(file, index, platform))}<td role="cell" class="number" data-label="Fixed by migrate">${clear ? html`<span class="faint">–</span>` : `${fixes} of ${file.findings.length}`}</td></tr>
`;
}

function cell(file: FileFindings, index: number, platform: string): Markup {
  const findings = findingsFor(file, platform);
  const chips = countChips(countFindings([{ ...file, findings }]));
  const blocking = [
    ...new Set(findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule)),
  ];
  const why = blocking.slice(0, mostNamed).map((rule) => html`<span class="why">${rule}</span>`);
  const others = blocking.length - mostNamed;
  if (others > 0) why.push(html`<span class="why">and ${others} more</span>`);
  const content =
    findings.length === 0 ? chips : html`<a class="cell" href="#${fileId(index)}">${chips}${why}</a>`;
  return html`<td role="cell" data-label="${platform}">${content}</td>`;
}
