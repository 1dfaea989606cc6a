import { newestVersions } from './download-assets-versions.ts';

/** A place of the text that names the architecture: `{arch}` is slot 0, `{arch2}` slot 1. */
export interface Slot {
  readonly slot: number;
  readonly start: number;
  readonly end: number;
}

/** `{v}` a version, `{*}` any text, `{$}` a version that a variable holds. */
type Wildcard = 'v' | '*' | '$';

/** Texts between wildcards, matched from left to right without going back: linear in the text's length. */
export interface Pattern {
  readonly literals: readonly string[];
  readonly wildcards: readonly Wildcard[];
  /** Slots, their offsets within the literal with that number. */
  readonly slots: readonly (Slot & { readonly literal: number })[];
}

/** What a {@link Pattern} found. */
export interface PatternMatch {
  readonly slots: readonly Slot[];
  readonly versions: readonly string[];
}

/** Every reading of a template's `{a|b}` alternatives. */
export function expandAlternatives(template: string): string[] {
  const choice = /\{([^{}]*\|[^{}]*)\}/.exec(template);
  if (!choice) return [template];
  const head = template.slice(0, choice.index);
  const tail = template.slice(choice.index + choice[0].length);
  return (choice[1] ?? '').split('|').flatMap((text) => expandAlternatives(head + text + tail));
}

/** Compiles a template without alternatives for one architecture's names. */
export function compilePattern(template: string, names: readonly string[]): Pattern {
  const literals: string[] = [''];
  const wildcards: Wildcard[] = [];
  const slots: (Slot & { literal: number })[] = [];
  for (const [part] of template.matchAll(/\{[^{}]*\}|[^{]+/g)) {
    const literal = literals.length - 1;
    if (part === '{v}' || part === '{*}' || part === '{$}') {
      wildcards.push(part[1] as Wildcard);
      literals.push('');
    } else if (part === '{arch}' || part === '{arch2}') {
      const slot = part === '{arch}' ? 0 : 1;
      const start = literals[literal]?.length ?? 0;
      literals[literal] += names[slot] ?? '';
      slots.push({ slot, literal, start, end: literals[literal]?.length ?? 0 });
    } else literals[literal] += part;
  }
  return { literals, wildcards, slots };
}

/** Matches a whole text; offsets are relative to it. */
export function matchPattern(pattern: Pattern, text: string): PatternMatch | undefined {
  const { literals, wildcards, slots } = pattern;
  const last = literals.length - 1;
  const first = literals[0] ?? '';
  const final = literals[last] ?? '';
  if (!text.startsWith(first)) return undefined;
  if (last === 0) return text === first ? { slots, versions: [] } : undefined;
  const finalAt = text.length - final.length;
  if (finalAt < first.length || !text.endsWith(final)) return undefined;
  const starts = [0];
  const versions: string[] = [];
  let at = first.length;
  for (let i = 1; i <= last; i += 1) {
    const literal = literals[i] ?? '';
    const next = i === last ? finalAt : text.indexOf(literal, at + 1);
    if (next <= at || next + literal.length > (i === last ? text.length : finalAt)) return undefined;
    const wild = text.slice(at, next);
    const wildcard = wildcards[i - 1];
    if (wild.includes('/') || (wildcard !== '*' && !isVersionLike(wild))) return undefined;
    if (wildcard === '$' && !wild.startsWith('$')) return undefined;
    if (wildcard !== '*') versions.push(wild);
    starts.push(next);
    at = next + literal.length;
  }
  return {
    versions,
    slots: slots.map(({ slot, literal, start, end }) => {
      const from = starts[literal] ?? 0;
      return { slot, start: from + start, end: from + end };
    }),
  };
}

const words: ReadonlySet<string> = new Set([
  ...newestVersions,
  'release',
  'test',
  'beta',
  'alpha',
  'dev',
  'preview',
  'snapshot',
]);

function isVersionLike(text: string): boolean {
  return /^[\w.+~%:${}@-]+$/.test(text) && (/[\d$]/.test(text) || words.has(text));
}
