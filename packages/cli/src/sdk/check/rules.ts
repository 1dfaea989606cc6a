import {
  checkDockerfile,
  type Finding,
  type FixKind,
  isBakeFile,
  isComposeFile,
  nearestName,
  offlineImages,
  optInRules,
  type Rule,
  type RulePage,
  readBake,
  readCompose,
  readLockFile,
  recommendedRules,
  type Severity,
  serviceRules,
} from '@mabuild/core';
import { formatPlatform, MabuildError, type Platform, parsePlatformList } from '@mabuild/oci';

/** What people can know of a rule. */
export interface RuleDescription {
  readonly name: string;
  readonly summary: string;
  /** By platform, of what the rule finds in its own bad example; empty without a page. */
  readonly severities: Readonly<Record<string, Severity>>;
  /** Of what it finds there. */
  readonly fix: readonly FixKind[];
  readonly page?: RulePage;
}

/** The rules of Dockerfiles, and of the files beside them. */
export const knownRules: readonly Rule[] = [...recommendedRules, ...serviceRules, ...optInRules];

/** The rules that a check follows: the recommended ones, and those beyond them that were given a severity. */
export function rulesFor(severities: Readonly<Record<string, Severity>>): readonly Rule[] {
  const asked = optInRules.filter(({ name }) => Object.hasOwn(severities, name));
  return asked.length === 0 ? recommendedRules : [...recommendedRules, ...asked];
}

/** Names of a finding and of a fix that are no rule's. */
const otherNames: readonly string[] = ['syntax', 'plain-base-in-arch-mode'];
const shownPlatforms = 'linux/arm64,linux/arm/v7,linux/arm/v6';
const worstFirst: readonly Severity[] = ['error', 'warning', 'info'];

/** Describes rules: their names, summaries, pages, and how severe what they find is on each ARM platform. */
export function describeRules(rules: readonly Rule[] = knownRules): Promise<readonly RuleDescription[]> {
  return Promise.all(rules.map(describeRule));
}

/**
 * The rule of a name.
 * @throws MabuildError `USAGE` with the nearest name
 */
export function findRule(name: string, rules: readonly Rule[] = knownRules): Rule {
  const rule = rules.find((candidate) => candidate.name === name);
  if (rule) return rule;
  throw unknownRule(name, rules, '');
}

/**
 * Refuses names that no rule has, for a flag's values.
 * @throws MabuildError `USAGE` with the nearest name
 */
export function requireRules(flag: string, names: readonly string[], rules: readonly Rule[]): void {
  for (const name of names) {
    if (!otherNames.includes(name) && !rules.some((rule) => rule.name === name))
      throw unknownRule(name, rules, `${flag} `);
  }
}

/** A fragment of a Dockerfile as a file: a FROM comes before it when it has none. */
function asDockerfile(fragment: string): string {
  const text = fragment.endsWith('\n') ? fragment : `${fragment}\n`;
  return /^[ \t]*FROM\s/im.test(text) ? text : `FROM debian:13\n${text}`;
}

/** What is found in the example of a page, for platforms asked for together. */
export async function findInExample(
  rule: Rule,
  text: string,
  platforms: readonly Platform[],
): Promise<readonly Finding[]> {
  const file = rule.page?.file;
  if (file === undefined) return checkDockerfile(asDockerfile(text), { platforms, rules: [rule] });
  const options = { platforms, images: offlineImages, file };
  const findings = isComposeFile(file)
    ? (await readCompose(text, options)).findings
    : isBakeFile(file)
      ? (await readBake(text, options)).findings
      : readLockFile(text, options);
  return findings.filter((finding) => finding.rule === rule.name);
}

async function describeRule(rule: Rule): Promise<RuleDescription> {
  const { name, summary, page } = rule;
  const severities: Record<string, Severity> = {};
  const fix = new Set<FixKind>();
  for (const platform of page ? parsePlatformList(shownPlatforms) : []) {
    for (const finding of await findInExample(rule, page?.bad ?? '', [platform])) {
      const key = formatPlatform(platform);
      const levels = [severities[key], finding.severity];
      severities[key] = worstFirst.find((level) => levels.includes(level)) ?? finding.severity;
      fix.add(finding.fix);
    }
  }
  return { name, summary, severities, fix: [...fix], ...(page ? { page } : {}) };
}

function unknownRule(name: string, rules: readonly Rule[], where: string): MabuildError {
  const names = rules.map((rule) => rule.name);
  const word = name.toLowerCase();
  const slips = Math.max(2, Math.floor(word.length / 4));
  const near =
    nearestName(word, names, slips) ??
    names.find((other) => word.length > 2 && other.includes(word)) ??
    names.find((other) => word.length > 4 && nearestName(word, [other.slice(0, word.length)], slips));
  return new MabuildError(`${where}${JSON.stringify(name)} is no rule`, {
    code: 'USAGE',
    hint: near ? `did you mean ${near}? \`mabuild rules\` lists them all` : '`mabuild rules` lists them all',
  });
}
