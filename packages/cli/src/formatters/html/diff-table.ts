import { type DiffBlock, type DiffLine, diffBlocks } from './diff-blocks.ts';
import { html, type Markup } from './markup.ts';

/** Unchanged lines that stay open on each side of a change. */
const context = 3;

/** Two versions beside each other, where there is room, else below each other; unchanged parts folded away. */
export function diffTable(before: string, after: string, caption: string): Markup {
  const blocks = diffBlocks(before, after);
  const rows = blocks.flatMap((block, index) =>
    block.same ? sameRows(block, index === 0, index === blocks.length - 1) : [changedRow(block)],
  );
  return html`<table class="diff" translate="no"><caption class="vh">${caption}</caption>
<thead><tr><th scope="col">Original</th><th scope="col">With every fix that mabuild migrate makes</th></tr></thead>
<tbody>${rows}</tbody></table>`;
}

function changedRow(block: DiffBlock): Markup {
  const removed = block.before.length > 0 && html`<del>${lines(block.before)}</del>`;
  const added = block.after.length > 0 && html`<ins>${lines(block.after)}</ins>`;
  return html`<tr><td>${removed}</td><td>${added}</td></tr>\n`;
}

function sameRows(block: DiffBlock, first: boolean, last: boolean): readonly Markup[] {
  const { before, after } = block;
  const head = first ? 0 : context;
  const tail = last ? 0 : context;
  const hidden = before.length - head - tail;
  if (hidden < 4) return [sameRow(before, after)];
  const middle = before.slice(head, before.length - tail);
  return [
    ...(head > 0 ? [sameRow(before.slice(0, head), after.slice(0, head))] : []),
    html`<tr><td colspan="2"><details><summary>${middle.length} unchanged lines</summary>${lines(middle)}</details></td></tr>\n`,
    ...(tail > 0 ? [sameRow(before.slice(-tail), after.slice(-tail))] : []),
  ];
}

function sameRow(before: readonly DiffLine[], after: readonly DiffLine[]): Markup {
  return html`<tr><td>${lines(before)}</td><td class="again">${lines(after)}</td></tr>\n`;
}

function lines(all: readonly DiffLine[]): readonly Markup[] {
  return all.map(({ number, text }) => html`<span class="l"><span class="n">${number}</span>${text}</span>`);
}
