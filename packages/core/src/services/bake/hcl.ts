import type { Range } from '../../dockerfile/model.ts';
import { problem, type Reader, readName, readQuotedLetters, skipBlank } from './hcl-reader.ts';
import { type HclValue, readExpression } from './hcl-value.ts';

export interface HclBlock {
  readonly type: string;
  readonly labels: readonly string[];
  /** Where the last label stands, or the type without one. */
  readonly range: Range;
  readonly attributes: ReadonlyMap<string, HclValue>;
  readonly blocks: readonly HclBlock[];
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
