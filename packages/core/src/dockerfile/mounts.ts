import { sliceLogical, sourceRange } from './logical.ts';
import type { Flag, Word } from './model.ts';

/** One `key=value` field of `RUN --mount`. */
export interface MountField {
  /** Lower case. */
  readonly key: string;
  readonly value: string | undefined;
  /** The value in the source; `undefined` where quotes hide its place. */
  readonly word: Word | undefined;
}

/** The fields of one `--mount` flag: comma-separated, each optionally in double quotes. */
export function readMount(flag: Flag): readonly MountField[] {
  const value = flag.value ?? '';
  return splitFields(value).map(({ text, start }) => {
    const equals = text.indexOf('=');
    if (equals < 0) return { key: text.toLowerCase(), value: undefined, word: undefined };
    const from = start === undefined ? undefined : start + equals + 1;
    const raw = text.slice(equals + 1);
    return { key: text.slice(0, equals).toLowerCase(), value: raw, word: valueWord(flag, raw, from) };
  });
}

function valueWord(flag: Flag, raw: string, from: number | undefined): Word | undefined {
  if (from === undefined || flag.valuePieces === undefined) return undefined;
  const logical = { text: flag.value ?? '', pieces: flag.valuePieces };
  const { pieces } = sliceLogical(logical, from, from + raw.length);
  return { raw, range: sourceRange(logical, from, from + raw.length), pieces };
}

function splitFields(value: string): readonly { text: string; start: number | undefined }[] {
  const fields: { text: string; start: number | undefined }[] = [];
  const field = /"((?:[^"]|"")*)"|([^,]*)/y;
  while (field.lastIndex <= value.length) {
    const start = field.lastIndex;
    const match = field.exec(value);
    if (match === null) break;
    const quoted = match[1];
    fields.push(
      quoted === undefined
        ? { text: match[0], start }
        : { text: quoted.replaceAll('""', '"'), start: undefined },
    );
    const end = start + match[0].length;
    if (value[end] !== ',') break;
    field.lastIndex = end + 1;
  }
  return fields;
}
