import type { Range } from '../../dockerfile/model.ts';
import {
  type HclPart,
  problem,
  type Reader,
  readName,
  readQuotedLetters,
  readTemplate,
  skipBlank,
  skipRest,
} from './hcl-reader.ts';

/** A value of HCL as far as it is read: what needs functions, conditions or loops is `unknown`. */
export type HclValue =
  | { readonly kind: 'text'; readonly parts: readonly HclPart[]; readonly range: Range }
  | { readonly kind: 'name'; readonly name: string; readonly range: Range }
  | { readonly kind: 'list'; readonly items: readonly HclValue[]; readonly range: Range }
  | { readonly kind: 'object'; readonly fields: ReadonlyMap<string, HclValue>; readonly range: Range }
  | { readonly kind: 'null'; readonly range: Range }
  | { readonly kind: 'unknown'; readonly range: Range };

/** An expression up to the end of its line, or to what closes the list or object that it is in. */
export function readExpression(reader: Reader): HclValue {
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
