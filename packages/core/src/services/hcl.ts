import { MabuildError } from '@mabuild/oci';
import { locate } from '../dockerfile/location.ts';
import type { Range } from '../dockerfile/model.ts';

/** A value of HCL as far as it is read: what needs functions, conditions or loops is `unknown`. */
export type HclValue =
  | { readonly kind: 'text'; readonly parts: readonly HclPart[]; readonly range: Range }
  | { readonly kind: 'name'; readonly name: string; readonly range: Range }
  | { readonly kind: 'list'; readonly items: readonly HclValue[]; readonly range: Range }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, HclValue>; readonly range: Range }
  | { readonly kind: 'null'; readonly range: Range }
  | { readonly kind: 'unknown'; readonly range: Range };

/** A piece of a string: letters, a variable, or what is not read. */
export type HclPart = string | { readonly variable: string | undefined };

export interface HclBlock {
  readonly type: string;
  readonly labels: readonly string[];
  /** Where the last label stands, or the type without one. */
  readonly range: Range;
  readonly attributes: ReadonlyMap<string, HclValue>;
  readonly blocks: readonly HclBlock[];
}

interface Reader {
  readonly text: string;
  readonly file: string | undefined;
  at: number;
}

/**
 * Reads blocks and attributes of HCL, with their places; expressions are read as far as strings, lists, objects and names.
 *
 * HCL Native Syntax Specification, "Structural Elements", "Template Literals".
 * @throws MabuildError `SERVICES_SYNTAX` with its place
 */
export function readHcl(text: string, file?: string): HclBlock {
  const reader: Reader = { text, file, at: text.startsWith('\ufeff') ? 1 : 0 };
  const body = readBody(reader, undefined);
  return { type: '', labels: [], range: { start: 0, end: 0 }, ...body };
}

function readBody(reader: Reader, open: number | undefined): Pick<HclBlock, 'attributes' | 'blocks'> {
  const attributes = new Map<string, HclValue>();
  const blocks: HclBlock[] = [];
  for (;;) {
    skipBlank(reader, true);
    const start = reader.at;
    if (start >= reader.text.length) {
      if (open === undefined) return { attributes, blocks };
      throw problem(reader, open, 'a block has no closing brace');
    }
    if (reader.text[start] === '}' && open !== undefined) {
      reader.at += 1;
      return { attributes, blocks };
    }
    const name = readName(reader) ?? (reader.text[start] === '"' ? readQuotedLetters(reader) : undefined);
    if (name === undefined) {
      throw problem(
        reader,
        start,
        `${JSON.stringify(reader.text[start])} is neither an attribute nor a block`,
      );
    }
    skipBlank(reader, false);
    if (reader.text[reader.at] === '=' && reader.text[reader.at + 1] !== '=') {
      reader.at += 1;
      attributes.set(name, readExpression(reader));
      continue;
    }
    blocks.push(readBlock(reader, name, { start, end: start + name.length }));
  }
}

function readBlock(reader: Reader, type: string, place: Range): HclBlock {
  const labels: string[] = [];
  let range = place;
  for (;;) {
    skipBlank(reader, false);
    const start = reader.at;
    if (reader.text[start] === '{') {
      reader.at += 1;
      return { type, labels, range, ...readBody(reader, start) };
    }
    const label = reader.text[start] === '"' ? readQuotedLetters(reader) : readName(reader);
    if (label === undefined) throw problem(reader, start, `${type} is followed by neither = nor a block`);
    labels.push(label);
    range = { start, end: reader.at };
  }
}

/** An expression up to the end of its line, or to what closes the list or object that it is in. */
function readExpression(reader: Reader): HclValue {
  skipBlank(reader, false);
  const start = reader.at;
  const value = readTerm(reader);
  skipBlank(reader, false);
  if (value && endsExpression(reader)) return value;
  skipRest(reader);
  return { kind: 'unknown', range: { start, end: reader.at } };
}

function endsExpression({ text, at }: Reader): boolean {
  return at >= text.length || '\r\n,]})'.includes(text[at] as string);
}

function readTerm(reader: Reader): HclValue | undefined {
  const { text, at: start } = reader;
  const character = text[start];
  if (character === '"') {
    const parts = readTemplate(reader);
    return { kind: 'text', parts, range: { start, end: reader.at } };
  }
  if (character === '[') return readList(reader);
  if (character === '{') return readObject(reader);
  const heredoc = /^<<-?([A-Za-z_][\w-]*)\r?\n/.exec(text.slice(start, start + 200));
  if (heredoc?.[1]) return readHeredoc(reader, heredoc[0].length, heredoc[1]);
  const number = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/.exec(text.slice(start, start + 40))?.[0];
  if (number) {
    reader.at += number.length;
    return { kind: 'text', parts: [number], range: { start, end: reader.at } };
  }
  const name = readName(reader);
  if (name === undefined) return undefined;
  const range = { start, end: reader.at };
  if (name === 'null') return { kind: 'null', range };
  if (name === 'true' || name === 'false') return { kind: 'text', parts: [name], range };
  if ('.(['.includes(text[reader.at] ?? ' ')) return undefined;
  return { kind: 'name', name, range };
}

function readList(reader: Reader): HclValue | undefined {
  const start = reader.at;
  const items: HclValue[] = [];
  reader.at += 1;
  for (;;) {
    skipBlank(reader, true);
    if (reader.at >= reader.text.length) throw problem(reader, start, 'a list has no closing bracket');
    if (reader.text[reader.at] === ']') {
      reader.at += 1;
      return { kind: 'list', items, range: { start, end: reader.at } };
    }
    items.push(readExpression(reader));
    skipBlank(reader, true);
    if (reader.text[reader.at] === ',') reader.at += 1;
    else if (reader.text[reader.at] === '}' || reader.text[reader.at] === ')') {
      throw problem(reader, reader.at, 'a list is closed by ]');
    }
  }
}

function readObject(reader: Reader): HclValue | undefined {
  const start = reader.at;
  const fields = new Map<string, HclValue>();
  reader.at += 1;
  for (;;) {
    skipBlank(reader, true);
    const at = reader.at;
    if (at >= reader.text.length) throw problem(reader, start, 'an object has no closing brace');
    if (reader.text[at] === '}') {
      reader.at += 1;
      return { kind: 'object', fields, range: { start, end: reader.at } };
    }
    const name = reader.text[at] === '"' ? readQuotedLetters(reader) : readName(reader);
    skipBlank(reader, false);
    const mark = reader.text[reader.at];
    if (name === undefined || (mark !== '=' && mark !== ':')) {
      skipRest(reader);
      if (reader.at === at) throw problem(reader, at, 'an object holds name = value');
    } else {
      reader.at += 1;
      fields.set(name, readExpression(reader));
    }
    skipBlank(reader, true);
    if (reader.text[reader.at] === ',') reader.at += 1;
    else if (reader.text[reader.at] === ']' || reader.text[reader.at] === ')') {
      throw problem(reader, reader.at, 'an object is closed by }');
    }
  }
}

function readHeredoc(reader: Reader, opening: number, name: string): HclValue {
  const start = reader.at;
  const body = start + opening;
  const end = new RegExp(`^[ \\t]*${name}[ \\t]*\\r?$`, 'm');
  const found = end.exec(reader.text.slice(body));
  if (!found) throw problem(reader, start, `the heredoc ${name} has no end`);
  const content = reader.text.slice(body, body + found.index);
  reader.at = body + found.index + found[0].replace(/\r$/, '').length;
  const parts: HclPart[] = content.includes('${') ? [{ variable: undefined }] : [content];
  return { kind: 'text', parts, range: { start, end: reader.at } };
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

function readTemplate(reader: Reader): readonly HclPart[] {
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

function readQuotedLetters(reader: Reader): string {
  return readTemplate(reader)
    .map((part) => (typeof part === 'string' ? part : ''))
    .join('');
}

function readName(reader: Reader): string | undefined {
  const name = /^[A-Za-z_][\w-]*/.exec(reader.text.slice(reader.at, reader.at + 200))?.[0];
  reader.at += name?.length ?? 0;
  return name;
}

/** Blanks and comments; line ends too when asked. */
function skipBlank(reader: Reader, lines: boolean): void {
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
function skipRest(reader: Reader): void {
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

function problem({ text, file }: Reader, at: number, message: string): MabuildError {
  return new MabuildError(`no valid HCL: ${message}`, {
    code: 'SERVICES_SYNTAX',
    location: locate({ text, file }, { start: at, end: Math.min(at + 1, text.length) }),
  });
}
