import { ByteReader } from './byte-reader.ts';
import { block, checkSum, damaged, headerName, isZero, number, padded, text, typeOf } from './tar-header.ts';

/** One tar member as its bytes: extended headers and header together, then a body that is read in pieces. */
export interface TarRecord {
  /** Path with extended headers applied; as written, trailing slash included. */
  readonly name: string;
  /** The header's type flag, e.g. `0` file, `1` hard link, `5` folder. */
  readonly type: string;
  readonly linkname: string;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content, padding not counted. */
  readonly size: number;
  /** Every header block of this member, untouched. */
  readonly header: Buffer;
  /** Content and padding, untouched; must be read to its end before the next record. */
  body(): AsyncGenerator<Uint8Array>;
}

/** Longest extended headers of one member that are read; Linux paths end at 4 KiB, and extended attributes are capped at 64 KiB each. */
const longestExtension = 4 * 1024 * 1024;

/**
 * Walks an uncompressed tar member by member, keeping every byte: headers are handed out as they are, so that what is
 * not dropped can be written again unchanged.
 *
 * After the last member, `trailer` yields the end-of-archive blocks.
 * @throws MabuildError `INVALID_TAR`
 */
export async function* readTarRecords(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<TarRecord | { readonly trailer: AsyncGenerator<Uint8Array> }> {
  const reader = new ByteReader(source);
  for (;;) {
    const headers: Buffer[] = [];
    const extension: Extension = {};
    let extended = 0;
    let first = await reader.read(block);
    for (;;) {
      if (first.length === 0 || isZero(first)) {
        if (headers.length > 0) throw damaged('an extended header without a member');
        yield { trailer: rest(first, reader) };
        return;
      }
      if (first.length < block) throw damaged('it ends inside a header');
      checkSum(first);
      headers.push(first);
      const type = typeOf(first);
      if (type !== 'x' && type !== 'L' && type !== 'K' && type !== 'g') break;
      const size = number(first, 124, 12);
      extended += block + padded(size);
      if (extended > longestExtension) throw damaged(`an extended header of ${extended} bytes or more`);
      const data = await reader.read(padded(size));
      if (data.length < padded(size)) throw damaged('it ends inside an extended header');
      headers.push(data);
      extend(extension, type, data.subarray(0, size));
      first = await reader.read(block);
    }
    if (typeOf(first) === 'S') await readSparseBlocks(first, headers, reader);
    const size = extension.size ?? number(first, 124, 12);
    let unread = typeOf(first) === '5' || typeOf(first) === '1' || typeOf(first) === '2' ? 0 : padded(size);
    const content = unread === 0 ? 0 : size;
    yield {
      name: extension.path ?? headerName(first),
      type: typeOf(first),
      linkname: extension.linkpath ?? text(first, 157, 100),
      // docker writes the file's type above the permission bits.
      mode: number(first, 100, 8) & 0o7777,
      uid: number(first, 108, 8),
      gid: number(first, 116, 8),
      size: content,
      header: Buffer.concat(headers),
      async *body() {
        while (unread > 0) {
          const chunk = await reader.some(unread);
          if (chunk.length === 0) throw damaged('it ends inside a file');
          unread -= chunk.length;
          yield chunk;
        }
      },
    };
    while (unread > 0) {
      const skipped = await reader.some(unread);
      if (skipped.length === 0) throw damaged('it ends inside a file');
      unread -= skipped.length;
    }
  }
}

interface Extension {
  path?: string;
  linkpath?: string;
  size?: number;
}

/** Applies a POSIX extended header (`x`), or a GNU long name (`L`) or link (`K`). Global headers carry no paths. */
function extend(extension: Extension, type: string, data: Buffer): void {
  if (type === 'L') extension.path = text(data, 0, data.length);
  if (type === 'K') extension.linkpath = text(data, 0, data.length);
  if (type !== 'x') return;
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const length = Number(data.toString('latin1', at, space));
    if (space < 0 || !Number.isInteger(length) || length <= space - at || at + length > data.length) {
      throw damaged('an extended header that cannot be read');
    }
    const record = data.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    const value = record.slice(equals + 1);
    if (record.startsWith('path=')) extension.path = value;
    if (record.startsWith('linkpath=')) extension.linkpath = value;
    if (record.startsWith('size=')) extension.size = sizeIn(value);
    at += length;
  }
}

/** Decimal digits and nothing else: readers that take other spellings disagree on where the next member begins. */
function sizeIn(text: string): number {
  const size = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw damaged('a size that is no number of bytes');
  return size;
}

/** Old GNU sparse files carry further header blocks, each saying whether another follows. */
async function readSparseBlocks(first: Buffer, headers: Buffer[], reader: ByteReader): Promise<void> {
  for (let more = first[482] === 1; more; ) {
    const next = await reader.read(block);
    if (next.length < block) throw damaged('it ends inside a header');
    if (headers.length * block > longestExtension) throw damaged('a sparse file of too many pieces');
    headers.push(next);
    more = next[504] === 1;
  }
}

export async function* rest(first: Buffer, reader: ByteReader): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (;;) {
    const chunk = await reader.some(Number.MAX_SAFE_INTEGER);
    if (chunk.length === 0) return;
    yield chunk;
  }
}
