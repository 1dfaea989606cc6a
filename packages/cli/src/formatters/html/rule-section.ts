import type { Rule } from '@mabuild/core';
import { type FileFindings, isFixable } from '../../sdk/check/file-findings.ts';
import { count } from '../../text/count.ts';
import { countChips, severities } from './chips.ts';
import { html, type Markup } from './markup.ts';

/** How often a rule was broken, and where. */
export interface RuleCount {
  readonly name: string;
  readonly summary: string;
  readonly rule: Rule | undefined;
  readonly files: number;
  readonly fixable: number;
  readonly findings: Readonly<Record<'error' | 'warning' | 'info', number>>;
}

/** The id of a rule's explanation. */
export function ruleId(name: string): string {
  return `rule-${name}`;
}

/** The rules that were broken: the worst first, of those the ones in the most files. */
export function countRules(files: readonly FileFindings[], rules: readonly Rule[]): readonly RuleCount[] {
  const byName = new Map(rules.map((rule) => [rule.name, rule]));
  const counts = new Map<
    string,
    { files: Set<FileFindings>; fixable: number; error: number; warning: number; info: number }
  >();
  for (const file of files) {
    for (const finding of file.findings) {
      const found = counts.get(finding.rule) ?? {
        files: new Set(),
        fixable: 0,
        error: 0,
        warning: 0,
        info: 0,
      };
      found.files.add(file);
      found[finding.severity] += 1;
      if (isFixable(finding)) found.fixable += 1;
      counts.set(finding.rule, found);
    }
  }
  return [...counts]
    .map(([name, { files: where, fixable, error, warning, info }]) => ({
      name,
      summary: byName.get(name)?.summary ?? (name === 'syntax' ? 'BuildKit cannot read the file.' : ''),
      rule: byName.get(name),
      files: where.size,
      fixable,
      findings: { error, warning, info },
    }))
    .sort((a, b) => rank(a) - rank(b) || b.files - a.files || (a.name < b.name ? -1 : 1));
}

/** The place of a rule's worst finding among the severities. */
function rank({ findings }: RuleCount): number {
  return severities.findIndex((severity) => findings[severity] > 0);
}

/** Why things are as they are: the rules that were broken, by the number of files. */
export function ruleTable(counts: readonly RuleCount[]): Markup {
  const rows = counts.map(({ name, summary, rule, files, fixable, findings }) => {
    const total = findings.error + findings.warning + findings.info;
    return html`<tr role="row"><th scope="row" role="rowheader">${rule ? html`<a href="#${ruleId(name)}">${name}</a>` : name}<span class="why">${summary}</span></th><td role="cell" class="number" data-label="Files">${files}<span class="unit"> ${files === 1 ? 'file' : 'files'}</span></td><td role="cell" data-label="Found">${countChips(findings)}</td><td role="cell" class="number" data-label="Fixed by migrate">${fixable} of ${total}<span class="unit"> fixed by migrate</span></td></tr>
`;
  });
  return html`<table class="list rules" role="table"><caption>${count(counts.length, 'rule')} had something to say.</caption>
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Rule</th><th scope="col" role="columnheader">Files</th><th scope="col" role="columnheader">Found</th><th scope="col" role="columnheader">Fixed by migrate</th></tr></thead>
<tbody role="rowgroup">${rows}</tbody></table>`;
}

/** One rule's page: bad, good, why. */
export function ruleSection(rule: Rule): Markup {
  const { page } = rule;
  return html`<article class="rule" id="${ruleId(rule.name)}"><details><summary><h3>${rule.name}</h3> <span class="faint">${rule.summary}</span></summary><div class="inside">
${page && html`<p>${page.why}</p><div class="pair"><div><h4>Bad${page.file !== undefined && html`, in ${page.file}`}</h4><pre translate="no">${page.bad.trimEnd()}</pre></div><div><h4>Good</h4><pre translate="no">${page.good.trimEnd()}</pre></div></div>`}${page?.perArch && html`<h4>Good, in a file for ${page.perArch.platform} alone</h4><pre translate="no">${page.perArch.text.trimEnd()}</pre>`}${page?.silent && page.silent.length > 0 && html`<h4>It says nothing</h4><ul>${page.silent.map((sentence) => html`<li>${sentence}</li>`)}</ul>`}<h4>To ignore it</h4><pre translate="no">mabuild check --ignore ${rule.name}</pre></div></details></article>
`;
}
