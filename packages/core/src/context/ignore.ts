import dockerignore, { type Ignore } from '@balena/dockerignore';
import { MabuildError } from '@mabuild/oci';
import { globMatcher, isCostly } from './glob.ts';

/** What a .dockerignore says about paths. */
export interface IgnoreRules {
  /** Tells whether a slash-separated path of the context is left out. */
  ignores(path: string): boolean;
  /** Tells whether a `!` pattern may keep something inside a folder that is itself left out. */
  mayKeepInside(folder: string): boolean;
}

/** One line that is a pattern, as moby reads it. */
interface Pattern {
  /** Cleaned, without the `!`. */
  readonly text: string;
  readonly keeps: boolean;
  readonly segments: readonly string[];
}

/**
 * The library's patterns and paths are put under this folder: at the top level it mistakes names that every JavaScript
 * object has (`constructor`) for answers that it remembers.
 */
const root = 'context';

const ignoresNothing: IgnoreRules = { ignores: () => false, mayKeepInside: () => false };

/**
 * Reads a .dockerignore as BuildKit does: comments, a byte order mark, CRLF, `!`, `**`, escapes, character classes.
 *
 * @param file how messages call it.
 * @throws MabuildError `DOCKERIGNORE_INVALID` with the line, for what Docker refuses too.
 */
export function parseDockerignore(text: string, file = '.dockerignore'): IgnoreRules {
  const patterns: Pattern[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const pattern = readPattern(line);
    if (pattern === undefined) continue;
    const problem = problemOf(pattern) ?? tooCostly(pattern);
    if (problem !== undefined) throw invalid(file, index + 1, line.trim(), problem);
    patterns.push(pattern);
  }
  return rulesOf(patterns);
}

function rulesOf(patterns: readonly Pattern[]): IgnoreRules {
  if (!patterns.some((pattern) => !pattern.keeps)) return ignoresNothing;
  const all = compile(patterns);
  const keepers = patterns.flatMap((pattern, index) => (pattern.keeps ? [{ pattern, index }] : []));
  const singles: (Ignore | undefined)[] = [];
  const costly = patterns.map(({ text }) => (isCostly(text) ? globMatcher(text) : undefined));
  const matches = (index: number, path: string): boolean => {
    const match = costly[index];
    if (match) return match(path);
    singles[index] ??= compile([{ ...(patterns[index] as Pattern), keeps: false }]);
    return singles[index].ignores(`${root}/${path}`);
  };
  return {
    ignores: costly.some((match) => match)
      ? (path) => patterns[patterns.findLastIndex((_, index) => matches(index, path))]?.keeps === false
      : (path) => all.ignores(`${root}/${path}`),
    mayKeepInside(folder) {
      const segments = folder.split('/');
      const candidates = keepers.filter(({ pattern }) => reachesInside(pattern, segments));
      if (candidates.length === 0) return false;
      // The pattern that left the folder out goes for everything inside it, so only later ones can keep something.
      let last = patterns.length - 1;
      while (last > 0 && !matches(last, folder)) last -= 1;
      return candidates.some(({ index }) => index > last);
    },
  };
}

function compile(patterns: readonly Pattern[]): Ignore {
  const lines = patterns.map(({ text, keeps }) => `${keeps ? '!' : ''}${root}/${forLibrary(text)}`);
  return dockerignore.default({ ignorecase: false }).add(lines);
}

/** `undefined` for a line without a pattern. The order of trimming and cleaning is moby's. */
function readPattern(line: string): Pattern | undefined {
  if (line.startsWith('#')) return undefined;
  let text = line.trim();
  if (text === '') return undefined;
  const keeps = text.startsWith('!');
  if (keeps) text = text.slice(1).trim();
  if (text !== '') text = clean(text);
  if (text.length > 1 && text.startsWith('/')) text = text.slice(1);
  // The context itself, or what lies outside of it, is never asked about.
  if (/^(\.|\/|\.\.(\/.*)?)$/.test(text)) return undefined;
  return { text, keeps, segments: text.split('/') };
}

/** Go's `filepath.Clean` for slash-separated text. */
function clean(text: string): string {
  const rooted = text.startsWith('/');
  const kept: string[] = [];
  for (const segment of text.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!rooted) kept.push('..');
  }
  const joined = kept.join('/');
  return rooted ? `/${joined}` : joined === '' ? '.' : joined;
}

/** What is wrong with a pattern, by the rules of Go's `filepath.Match`. */
function problemOf({ text, keeps }: Pattern): string | undefined {
  if (text === '') return keeps ? '`!` needs a pattern after it' : undefined;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\\') {
      at += 1;
      if (at >= text.length) return 'it ends with a backslash';
    } else if (char === '[') {
      const end = endOfClass(text, at);
      if (end === undefined) return 'a character class ([…]) is not complete';
      at = end;
    }
  }
  return undefined;
}

/** A pattern of many wildcards is matched here, where escapes and classes are not read. */
function tooCostly({ text }: Pattern): string | undefined {
  return isCostly(text) && /[\\[]/.test(text)
    ? 'it has more than four wildcards and an escape or a class'
    : undefined;
}

/** Index of the `]` that ends the class which starts at `from`. */
function endOfClass(text: string, from: number): number | undefined {
  let at = from + 1;
  if (text[at] === '^') at += 1;
  for (let ranges = 0; ; ranges += 1) {
    if (text[at] === ']' && ranges > 0) return at;
    const low = classCharacter(text, at);
    if (low === undefined) return undefined;
    at = low.next;
    if (text[at] !== '-') continue;
    const high = classCharacter(text, at + 1);
    if (high === undefined || high.char < low.char) return undefined;
    at = high.next;
  }
}

function classCharacter(text: string, at: number): { char: string; next: number } | undefined {
  const escaped = text[at] === '\\' ? 1 : 0;
  const char = text[at + escaped];
  if (char === undefined || (escaped === 0 && (char === '-' || char === ']'))) return undefined;
  return { char, next: at + escaped + 1 };
}

/**
 * Rewrites a pattern so that the library matches what BuildKit matches: it passes regular expression characters on
 * unescaped, and reads a leading `**name` as a whole name where BuildKit takes any ending.
 */
function forLibrary(text: string): string {
  let out = '';
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] as string;
    if (char === '\\') {
      at += 1;
      out += escapeLiteral(text[at] as string);
    } else if (char === '[') {
      const end = endOfClass(text, at) ?? text.length - 1;
      out += text.slice(at, end + 1);
      at = end;
    } else out += '+()|{}^]'.includes(char) ? `\\${char}` : char;
  }
  return /^\*\*[^*/]/.test(text) && !/[*?[\\]/.test(text.slice(2)) ? `**/*${out.slice(2)}` : out;
}

/** BuildKit hands an escape to its regular expressions: `\d` is a digit there; other letters stand for themselves. */
function escapeLiteral(char: string): string {
  return /[^bBdDsSwWfnrtv\W]/.test(char) ? char : `\\${char}`;
}

/** Tells whether a pattern with more segments than the folder has can match below it. */
function reachesInside(pattern: Pattern, folder: readonly string[]): boolean {
  for (const [index, name] of folder.entries()) {
    const segment = pattern.segments[index];
    if (segment === undefined) return false;
    if (segment.includes('**')) return true;
    if (!/[*?[\\]/.test(segment) && segment !== name) return false;
  }
  return pattern.segments.length > folder.length;
}

function invalid(file: string, line: number, text: string, problem: string): MabuildError {
  return new MabuildError(`${file} line ${line}: ${JSON.stringify(text)} is no valid pattern: ${problem}`, {
    code: 'DOCKERIGNORE_INVALID',
    hint: 'write a backslash before [, *, ? or ! to mean the character itself',
    location: { file, line, column: 1, lineText: text },
  });
}
