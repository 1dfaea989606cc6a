import type { Severity } from '@mabuild/core';
import { count } from '../../text/count.ts';
import { html, type Markup } from './markup.ts';

/** The worst first. */
export const severities: readonly Severity[] = ['error', 'warning', 'info'];

const signs: Readonly<Record<Severity, string>> = { error: '✕', warning: '▲', info: '●' };
const nouns: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

/** One finding's severity: a sign and a word, so that colour is not all that says it. */
export function severityChip(severity: Severity): Markup {
  return html`<span class="chip ${severity}"><span aria-hidden="true">${signs[severity]}</span>${nouns[severity]}</span>`;
}

/** How many there are of each severity that there is. */
export function countChips(counts: Readonly<Record<Severity, number>>): Markup {
  const chips = severities
    .filter((severity) => counts[severity] > 0)
    .map(
      (severity) =>
        html`<span class="chip ${severity}"><span aria-hidden="true">${signs[severity]}</span>${count(counts[severity], nouns[severity])}</span>`,
    );
  const none = html`<span class="chip ok"><span aria-hidden="true">✓</span>nothing found</span>`;
  return html`<span class="chips">${chips.length > 0 ? chips : none}</span>`;
}
