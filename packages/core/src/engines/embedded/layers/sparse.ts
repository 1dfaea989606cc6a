import { MabuildError, type TarRecord } from '@mabuild/oci';

/** A part of a sparse file that is stored; everything between the parts is zeros. */
export interface SparsePiece {
  /** In the file. */
  readonly offset: number;
  readonly length: number;
  /** Behind the start of the member's stored bytes. */
  readonly at: number;
}

/** A sparse file of an archive. */
export interface SparseFile {
  /** Bytes of the file. */
  readonly size: number;
  readonly pieces: readonly SparsePiece[];
  /** Its name, where the header has a made-up one. */
  readonly name: string | undefined;
}

const block = 512;
const mostPieces = 1_000_000;
/** Zeros cost nothing to store and much to write: larger files are refused, bytes. */
const largest = 16 * 2 ** 30;

/**
 * Reads the map of a sparse file in GNU's forms: old headers, and extended headers 0.1 and 1.0.
 *
 * @param header the member's own header and what follows it
 * @param body its stored bytes; of form 1.0 the map is read from their beginning
 * @returns `undefined` for a plain file
 * @throws MabuildError `INVALID_TAR`, `UNSUPPORTED_LAYER`
 */
export async function sparseFile(
  record: TarRecord,
  header: Buffer,
  pax: ReadonlyMap<string, Buffer>,
  body: () => Promise<Uint8Array | undefined>,
): Promise<SparseFile | undefined> {
  const field = (name: string): string | undefined => pax.get(`GNU.sparse.${name}`)?.toString('utf8');
  if (record.type === 'S') return checked(record, undefined, oldMap(header), 0);
  const form = field('major') === undefined ? undefined : `${field('major')}.${field('minor')}`;
  const name = field('name');
  const map = field('map');
  if (form === '1.0') {
    const { numbers, length } = await mapInContent(body);
    return checked(record, name, { size: count(field('realsize')), numbers }, length);
  }
  if (map !== undefined) {
    const numbers = map === '' ? [] : map.split(',').map(count);
    return checked(record, name, { size: count(field('size')), numbers }, 0);
  }
  if (![...pax.keys()].some((key) => key.startsWith('GNU.sparse.'))) return undefined;
  throw new MabuildError(`reading a layer: ${record.name} is a sparse file in a form that is not read`, {
    code: 'UNSUPPORTED_LAYER',
    hint: 'write the archive with `tar --sparse-version=1.0`, or without --sparse',
  });
}

interface RawMap {
  readonly size: number;
  /** Offsets and lengths, in turn. */
  readonly numbers: readonly number[];
}

function checked(record: TarRecord, name: string | undefined, map: RawMap, from: number): SparseFile {
  const { size, numbers } = map;
  const pieces: SparsePiece[] = [];
  let at = from;
  let end = 0;
  if (numbers.length % 2 !== 0 || numbers.length > 2 * mostPieces) throw damaged(record);
  for (let index = 0; index < numbers.length; index += 2) {
    const offset = numbers[index] ?? 0;
    const length = numbers[index + 1] ?? 0;
    if (offset < end || offset + length > size) throw damaged(record);
    end = offset + length;
    if (length > 0) pieces.push({ offset, length, at });
    at += length;
  }
  if (at > record.size) throw damaged(record);
  if (size > largest) {
    throw new MabuildError(`reading a layer: the sparse file ${record.name} has ${size} bytes`, {
      code: 'UNSUPPORTED_LAYER',
      hint: `sparse files of up to ${largest / 2 ** 30} GiB are read`,
    });
  }
  return { size, pieces, name };
}

function oldMap(header: Buffer): RawMap {
  const numbers: number[] = [];
  const read = (start: number, most: number): void => {
    for (let index = 0; index < most; index += 1) {
      const at = start + index * 24;
      // An empty field ends the list.
      if ((header[at] ?? 0) === 0) return;
      numbers.push(tarNumber(header, at), tarNumber(header, at + 12));
    }
  };
  read(386, 4);
  for (let at = block; at < header.length; at += block) read(at, 21);
  return { size: tarNumber(header, 483), numbers };
}

function tarNumber(header: Buffer, start: number): number {
  const field = header.subarray(start, start + 12);
  if ((field[0] ?? 0) & 0x80) return field.subarray(1).reduce((value, byte) => value * 256 + byte, 0);
  return count(String(Number.parseInt(field.toString('latin1').replace(/[\0 ].*$/s, '') || '0', 8)));
}

/** Lines of decimal numbers, how many pieces there are first, up to a whole block. */
async function mapInContent(
  body: () => Promise<Uint8Array | undefined>,
): Promise<{ readonly numbers: readonly number[]; readonly length: number }> {
  let text = '';
  const numbers: number[] = [];
  for (let consumed = 0; ; ) {
    for (let end = text.indexOf('\n', consumed); end >= 0; end = text.indexOf('\n', consumed)) {
      numbers.push(count(text.slice(consumed, end)));
      consumed = end + 1;
      const pieces = numbers[0] ?? 0;
      if (pieces > mostPieces) throw damaged(undefined);
      if (numbers.length === 1 + 2 * pieces)
        return { numbers: numbers.slice(1), length: Math.ceil(consumed / block) * block };
    }
    const more = await body();
    if (more === undefined || text.length > 64 * mostPieces) throw damaged(undefined);
    text += Buffer.from(more).toString('latin1');
  }
}

function count(text: string | undefined): number {
  if (text !== undefined && /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)))
    return Number(text);
  throw damaged(undefined);
}

function damaged(record: TarRecord | undefined): MabuildError {
  const name = record === undefined ? 'a sparse file' : `the sparse file ${record.name}`;
  return new MabuildError(`reading a layer: the map of ${name} cannot be right`, {
    code: 'INVALID_TAR',
    hint: 'the archive is damaged or made to mislead',
  });
}
