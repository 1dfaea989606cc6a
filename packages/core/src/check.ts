import { type Platform, parseReference } from '@mabuild/oci';
import type { DownloadFacts } from './analysis/download-facts.ts';
import type { Dockerfile } from './dockerfile/model.ts';
import { parseDockerfile } from './dockerfile/parse.ts';
import { ignoredRules } from './dockerfile/pragma.ts';
import { portableEdits } from './fixes/portable.ts';
import { officialRepository } from './knowledge/namespaces.ts';
import { officialImagePlatforms } from './knowledge/official-images.ts';
import { vendorIndexPlatforms } from './knowledge/vendor-indexes.ts';
import { recommendedRules } from './rules/index.ts';
import type { Finding, ImageFacts, Rule, Severity } from './rules/rule.ts';

export interface CheckOptions {
  readonly platforms: readonly Platform[];
  /** @default {@link offlineImages} */
  readonly images?: ImageFacts | undefined;
  /** What publishers say of downloads. @default nobody is asked */
  readonly downloads?: DownloadFacts | undefined;
  /** @default {@link recommendedRules} */
  readonly rules?: readonly Rule[] | undefined;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** Names of rules to leave out. */
  readonly ignore?: readonly string[] | undefined;
  /** Severities other than the rules' own, by rule name. */
  readonly severities?: Readonly<Record<string, Severity>> | undefined;
}

/** What is known without a network: the table of Docker's official images, and a few vendors' indexes. */
export const offlineImages: ImageFacts = {
  async platformsOf(text) {
    const reference = parseReference(text);
    const repository = officialRepository(reference);
    if (repository === undefined) return vendorIndexPlatforms(reference);
    if (reference.digest !== undefined && reference.tag === undefined) return undefined;
    return officialImagePlatforms(repository, reference.tag ?? 'latest');
  },
};

/**
 * Finds what breaks in a Dockerfile on the platforms asked for, in the order of the file; `edits` are the portable fix.
 *
 * Comments `# mabuild ignore=rule-id because …` above an instruction switch rules off there.
 * @throws MabuildError `DOCKERFILE_SYNTAX` when given a text that is no Dockerfile.
 */
export async function checkDockerfile(
  dockerfile: Dockerfile | string,
  options: CheckOptions,
): Promise<readonly Finding[]> {
  const file = typeof dockerfile === 'string' ? parseDockerfile(dockerfile) : dockerfile;
  return withPortableFixes(file, await followRules(file, options), options.platforms);
}

/** What the rules say, with `edits` that serve every platform. */
export function withPortableFixes(
  file: Dockerfile,
  findings: readonly Finding[],
  platforms: readonly Platform[],
): readonly Finding[] {
  return findings.map((finding) => withPortableFix(file, finding, platforms));
}

/** What the rules say, their variations not yet written in any style. */
export async function followRules(file: Dockerfile, options: CheckOptions): Promise<readonly Finding[]> {
  const {
    platforms,
    images = offlineImages,
    downloads,
    rules = recommendedRules,
    ignore = [],
    severities = {},
  } = options;
  const context = { platforms, images, downloads, buildArgs: options.buildArgs ?? {} };
  const found = await Promise.all(
    rules.filter((rule) => !ignore.includes(rule.name)).map((rule) => rule.check(file, context)),
  );
  return withoutOverruled(found.flat(), rules)
    .filter(
      (finding) => !ignore.includes(finding.rule) && !ignoredRules(file, finding.range).has(finding.rule),
    )
    .map((finding) => ({ ...finding, severity: severities[finding.rule] ?? finding.severity }))
    .sort((a, b) => a.range.start - b.range.start || a.range.end - b.range.end || (a.rule < b.rule ? -1 : 1));
}

/** Leaves out what a rule that yields says of a place that another one speaks of. */
function withoutOverruled(findings: readonly Finding[], rules: readonly Rule[]): readonly Finding[] {
  const yielding = new Set(rules.filter((rule) => rule.yields).map((rule) => rule.name));
  const others = findings.filter((finding) => !yielding.has(finding.rule));
  return findings.filter(
    ({ rule, range }) =>
      !yielding.has(rule) ||
      !others.some((other) => other.range.start < range.end && range.start < other.range.end),
  );
}

/** A finding whose `edits` serve every platform; what no one file can say is left to people. */
function withPortableFix(file: Dockerfile, finding: Finding, platforms: readonly Platform[]): Finding {
  const { variations, edits } = finding;
  if (variations === undefined || variations.length === 0 || finding.fix === 'none') return finding;
  const portable = portableEdits(file, variations, platforms);
  const [first] = portable.refused;
  if (!first) return { ...finding, edits: [...edits, ...portable.edits] };
  const hint = `one file for every platform cannot say it here: ${first.why}`;
  return { ...finding, fix: 'none', edits: [], hint: finding.hint ? `${finding.hint}; ${hint}` : hint };
}
