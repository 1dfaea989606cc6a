import type { Platform } from '@mabuild/oci';
import type { CodeWord } from '../analysis/code-words.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { platformKey, type Variation } from '../fixes/variation.ts';
import { armPlatforms, knownPlatforms, spanRange, variationAt } from './code-finding.ts';
import type { Finding, FixKind, RuleContext, Severity } from './rule.ts';

/** A span of an expanded word that is right for x86 alone. */
export interface WordHit {
  readonly word: CodeWord;
  readonly start: number;
  readonly end: number;
  readonly message: string;
  readonly hint?: string;
  /** What stands there on other platforms, by platformKey; those that are missing are not known. */
  readonly texts: Readonly<Record<string, string>>;
  /** @default 'arch' */
  readonly name?: string;
  readonly shell?: Variation['shell'];
  /** @default 'error' */
  readonly severity?: Severity;
  /** When a text is known. @default 'auto' */
  readonly fix?: FixKind;
  /** @default the asked platforms that are not x86 */
  readonly platforms?: readonly Platform[];
}

/** One finding for each line of the file and message, however many words and places of the line it is about. */
export function findingsOf(
  rule: string,
  dockerfile: Dockerfile,
  context: RuleContext,
  hits: readonly WordHit[],
): readonly Finding[] {
  const seen = new Set<string>();
  const byLine = new Map<string, Finding>();
  for (const hit of hits) {
    const { role, name } = hit.word;
    // The default does not count where a value is given.
    if (role === 'arg' && name !== undefined && Object.hasOwn(context.buildArgs, name)) continue;
    const finding = findingOf(rule, context, hit);
    const { start, end } = finding.range;
    if (finding.platforms.length === 0 || seen.has(`${start} ${end}`)) continue;
    seen.add(`${start} ${end}`);
    const line = dockerfile.text.lastIndexOf('\n', start - 1);
    const key = JSON.stringify([line, finding.message, finding.severity, finding.platforms]);
    const known = byLine.get(key);
    byLine.set(key, known ? joined(known, finding) : finding);
  }
  return [...byLine.values()];
}

function findingOf(rule: string, context: RuleContext, hit: WordHit): Finding {
  const { word, start, end, texts } = hit;
  const platforms = hit.platforms ?? armPlatforms(context);
  const { known, unknown } = knownPlatforms(platforms, texts);
  const variation =
    known.length > 0 ? variationAt(word.mapped, { start, end }, hit.name ?? 'arch', texts) : undefined;
  const hint = hit.hint ?? hintOf(platforms, texts, unknown);
  return {
    rule,
    severity: hit.severity ?? 'error',
    platforms,
    message: hit.message,
    ...(hint === undefined ? {} : { hint }),
    range: spanRange(word, hit),
    fix: variation ? (hit.fix ?? 'auto') : 'none',
    edits: [],
    ...(variation
      ? { variations: [{ ...variation, ...(hit.shell === undefined ? {} : { shell: hit.shell }) }] }
      : {}),
  };
}

/** The same once more on the line; what cannot be fixed everywhere is not called fixed. */
function joined(finding: Finding, more: Finding): Finding {
  const variations = [...(finding.variations ?? []), ...(more.variations ?? [])];
  const { range } = finding;
  return {
    ...finding,
    range: {
      start: Math.min(range.start, more.range.start),
      end: Math.max(range.end, more.range.end),
    },
    fix: finding.fix === 'none' || more.fix === 'none' ? 'none' : finding.fix,
    ...(variations.length > 0 ? { variations } : {}),
  };
}

function hintOf(
  platforms: readonly Platform[],
  texts: Readonly<Record<string, string>>,
  unknown: readonly Platform[],
): string | undefined {
  const told = platforms.flatMap((platform) => {
    const text = texts[platformKey(platform)];
    return text ? [`${text} on ${platformKey(platform)}`] : [];
  });
  const not = unknown.map((platform) => platformKey(platform));
  if (not.length > 0) told.push(`nothing is known for ${not.join(' and ')}`);
  return told.length === 0 ? undefined : told.join('; ');
}
