import { MabuildError } from '@mabuild/oci';
import { locate } from '../../dockerfile/location.ts';

/** A piece of a string: letters, a variable, or what is not read. */
export type HclPart = string | { readonly variable: string | undefined };

/** A text and how far it is read. */
export interface Reader {
  readonly text: string;
  readonly file: string | undefined;
  at: number;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

/** A quoted string with its variables. HCL Native Syntax Specification, "Template Literals". */
export function readTemplate(reader: Reader): readonly HclPart[] {
  const { text } = reader;
  const open = reader.at;
  const parts: HclPart[] = [];
  let letters = '';
  for (reader.at += 1; reader.at < text.length; reader.at += 1) {
    const character = text[reader.at] as string;
    if (character === '\n') break;
    if (character === '"') {
      reader.at += 1;
      return letters === '' ? parts : [...parts, letters];
    }
    if (character === '\\') {
      reader.at += 1;
      letters += escapes[text[reader.at] ?? ''] ?? text[reader.at] ?? '';
    } else if (text.startsWith('$${', reader.at)) {
      letters += '${';
      reader.at += 2;
    } else if (text.startsWith('${', reader.at) || text.startsWith('%{', reader.at)) {
      const inner = readInterpolation(reader, open);
      if (letters !== '') parts.push(letters);
      letters = '';
      const variable = /^\s*([A-Za-z_][\w-]*)\s*$/.exec(inner)?.[1];
      parts.push({ variable: character === '$' ? variable : undefined });
    } else letters += character;
  }
  throw problem(reader, open, 'a string has no closing quote');
}

/** What stands between `${` and its brace; the reader stays on the brace. */
function readInterpolation(reader: Reader, open: number): string {
  const { text } = reader;
  const from = reader.at + 2;
  let depth = 1;
  for (reader.at = from; reader.at < text.length; reader.at += 1) {
    const character = text[reader.at];
    if (character === '"') {
      readTemplate(reader);
      reader.at -= 1;
    } else if (character === '{') depth += 1;
    else if (character === '}') {
      depth -= 1;
      if (depth === 0) return text.slice(from, reader.at);
    }
  }
  throw problem(reader, open, 'a string has no closing quote');
}

/** A quoted string whose variables do not count. */
export function readQuotedLetters(reader: Reader): string {
  return readTemplate(reader)
    .map((part) => (typeof part === 'string' ? part : ''))
    .join('');
}

export function readName(reader: Reader): string | undefined {
  const name = /^[A-Za-z_][\w-]*/.exec(reader.text.slice(reader.at, reader.at + 200))?.[0];
  reader.at += name?.length ?? 0;
  return name;
}

/** Blanks and comments; line ends too when asked. */
export function skipBlank(reader: Reader, lines: boolean): void {
  const { text } = reader;
  for (; reader.at < text.length; reader.at += 1) {
    const character = text[reader.at] as string;
    if (character === '#' || text.startsWith('//', reader.at)) {
      const feed = text.indexOf('\n', reader.at);
      reader.at = feed < 0 ? text.length : feed;
      if (!lines) return;
    } else if (text.startsWith('/*', reader.at)) {
      const end = text.indexOf('*/', reader.at + 2);
      if (end < 0) throw problem(reader, reader.at, 'a comment has no end');
      reader.at = end + 1;
    } else if (character !== ' ' && character !== '\t' && !(lines && /\s/.test(character))) return;
  }
}

/** Passes over an expression that is not read. */
export function skipRest(reader: Reader): void {
  const { text } = reader;
  const open: number[] = [];
  for (; reader.at < text.length; reader.at += 1) {
    const character = text[reader.at] as string;
    if (character === '"') {
      readTemplate(reader);
      reader.at -= 1;
    } else if ('([{'.includes(character)) open.push(reader.at);
    else if (')]}'.includes(character)) {
      if (open.length === 0) return;
      open.pop();
    } else if (open.length === 0 && (character === '\n' || character === ',')) return;
  }
  const [first] = open;
  if (first !== undefined) throw problem(reader, first, 'a bracket is not closed');
}

export function problem({ text, file }: Reader, at: number, message: string): MabuildError {
  return new MabuildError(`no valid HCL: ${message}`, {
    code: 'SERVICES_SYNTAX',
    location: locate({ text, file }, { start: at, end: Math.min(at + 1, text.length) }),
  });
}
