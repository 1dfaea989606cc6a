import type { Range } from '@mabuild/core';
import type { FileFindings } from '../../sdk/check/file-findings.ts';
import { spanLines } from '../source-span.ts';
import { html, type Markup } from './markup.ts';

/** Lines that are shown before the middle is left out. */
const mostLines = 12;

/** The lines of a range with what it covers marked. */
export function sourceLines(file: FileFindings, range: Range): Markup {
  const lines = spanLines(file.dockerfile, range);
  const shown = lines.length > mostLines ? [...lines.slice(0, 8), undefined, ...lines.slice(-3)] : lines;
  const rows = shown.map((line) => {
    if (!line) return html`<span class="l gap">… ${lines.length - 11} lines</span>`;
    const { number, text, from, to } = line;
    const indent = line === lines[0] ? 0 : text.length - text.trimStart().length;
    const start = Math.max(from, Math.min(indent, to));
    const marked = to > start && html`<mark>${text.slice(start, to)}</mark>`;
    return html`<span class="l"><span class="n">${number}</span>${text.slice(0, start)}${marked}${text.slice(to)}</span>`;
  });
  return html`<pre class="source" translate="no">${rows}</pre>`;
}
