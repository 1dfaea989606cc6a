import type { Finding } from '@mabuild/core';
import { isFixable } from '../sdk/check/file-findings.ts';
import type { RuleDescription } from '../sdk/check/rules.ts';
import { type Paint, plainPaint } from '../text/paint.ts';
import { table } from './table.ts';

/** Every rule, a line each. */
export function formatRules(rules: readonly RuleDescription[]): string {
  const rows = rules.map((rule) => [rule.name, severityOf(rule), rule.fix.join(', ') || '-', rule.summary]);
  return `${[...table(['RULE', 'SEVERITY', 'FIX', 'SUMMARY'], rows), '', 'mabuild rules RULE explains one.'].join('\n')}\n`;
}

/** One rule's page: what is bad, what is good, why, when it says nothing, how to switch it off. */
export function formatRule(rule: RuleDescription, paint: Paint = plainPaint): string {
  const { page } = rule;
  const blocks = [`${paint.strong(rule.name)}\n${rule.summary}`];
  const facts = [
    ...Object.entries(rule.severities).map(([platform, severity]) => `${platform}: ${severity}`),
    ...(rule.fix.length > 0 ? [`fix: ${rule.fix.map((kind) => fixKinds[kind]).join('; ')}`] : []),
  ];
  if (facts.length > 0) blocks.push(facts.join('\n'));
  if (page) {
    blocks.push(`${paint.strong('Why')}\n${indent(page.why)}`);
    const where = page.file === undefined ? '' : `, in ${page.file}`;
    blocks.push(`${paint.error('Bad')}${where}\n${indent(page.bad)}`);
    blocks.push(`${paint.added('Good')}, for every platform at once\n${indent(page.good)}`);
    if (page.perArch) {
      blocks.push(
        `${paint.added('Good')}, in a file for ${page.perArch.platform} alone\n${indent(page.perArch.text)}`,
      );
    }
    if (page.silent && page.silent.length > 0) {
      const sentences = page.silent.map((sentence) => indent(`- ${sentence}`)).join('\n');
      blocks.push(`${paint.strong('Says nothing')}\n${sentences}`);
    }
  }
  blocks.push(`${paint.strong('To ignore it')}\n${indent(ignoring(rule))}`);
  return `${blocks.join('\n\n')}\n`;
}

/** The document of `rules --format json`: of all, or of one. */
export function rulesDocument(rules: readonly RuleDescription[]): object {
  return { version: 1, rules };
}

/** A rule's page as a section of Markdown, for docs/rules.md and viewers of SARIF. */
export function ruleMarkdown(rule: Pick<RuleDescription, 'name' | 'summary' | 'page'>): string {
  const { page } = rule;
  const blocks = [rule.summary];
  if (page) {
    const language = languageOf(page.file);
    const where = page.file === undefined ? '' : `, in \`${page.file}\``;
    blocks.push(page.why, `Bad${where}:`, fence(page.bad, language), 'Good:', fence(page.good, language));
    if (page.perArch)
      blocks.push(`Good in a file for ${page.perArch.platform} alone:`, fence(page.perArch.text, language));
    if (page.silent && page.silent.length > 0) {
      blocks.push(`It says nothing:\n\n${page.silent.map((sentence) => `- ${sentence}`).join('\n')}`);
    }
  }
  return `${blocks.join('\n\n')}\n`;
}

/** Every rule's page after a table of them all: docs/rules.md. */
export function rulesMarkdown(rules: readonly RuleDescription[]): string {
  const sorted = [...rules].sort((a, b) => (a.name < b.name ? -1 : 1));
  const rows = sorted.map(
    (rule) => `| [${rule.name}](#${rule.name}) | ${severityOf(rule)} | ${cell(rule.summary)} |`,
  );
  return [
    '# The rules\n',
    '<!-- Written by scripts/build-rule-docs.mjs from the rules themselves: change those, not this. -->\n',
    'What `mabuild check` looks for and `mabuild migrate` fixes. `mabuild rules RULE` prints a page of these.\n',
    'A comment above an instruction switches a rule off there: `# mabuild ignore=RULE because …`. So do `--ignore RULE`',
    'and `ignore: [RULE]` in `mabuild.config.yaml` everywhere.\n',
    '| rule | severity | what it finds |',
    '| --- | --- | --- |',
    ...rows,
    ...sorted.map((rule) => `\n## ${rule.name}\n\n${ruleMarkdown(rule).trimEnd()}`),
    '',
  ].join('\n');
}

/** What the kinds of fixes mean. */
const fixKinds: Readonly<Record<RuleDescription['fix'][number], string>> = {
  auto: 'mabuild migrate makes it',
  semi: 'mabuild migrate makes it; look at the result',
  suggest: 'shown only',
  none: 'people must act',
};

/** Who makes the fix of a finding, and how. */
export function fixText(finding: Finding): string {
  if (isFixable(finding) || finding.fix === 'suggest' || finding.fix === 'none') return fixKinds[finding.fix];
  const differs = (finding.variations?.length ?? 0) > 0;
  return differs ? 'mabuild migrate --style per-arch makes it' : fixKinds.none;
}

function severityOf(rule: RuleDescription): string {
  return [...new Set(Object.values(rule.severities))].join(', ') || '-';
}

/** Text inside of a table of Markdown. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function ignoring({ name, page }: RuleDescription): string {
  const takesComments = page?.file === undefined || /\.(?:yaml|hcl)$/.test(page.file);
  return [
    ...(takesComments
      ? [`# mabuild ignore=${name} because …     above the ${page?.file ? 'line' : 'instruction'}`]
      : []),
    `mabuild check --ignore ${name}`,
    `ignore: [${name}]     in mabuild.config.yaml`,
  ].join('\n');
}

function indent(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n');
}

/** The word that Markdown has for what a file is written in. */
function languageOf(file = 'Dockerfile'): string {
  const extension = /\.(yaml|hcl|json)$/.exec(file)?.[1];
  return extension ?? (file === 'Dockerfile' ? 'dockerfile' : 'text');
}

/** A fenced block whose fence is longer than any in the text. */
function fence(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const mark = '`'.repeat(longest + 1);
  return `${mark}${language}\n${text.trimEnd()}\n${mark}`;
}
