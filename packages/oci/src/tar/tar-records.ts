import { MabuildError } from '../error.ts';

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

const block = 512;
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

/** The header of a member under another name, as itself or as a hard link to `target`; owner, mode and times stay. */
export function renamedHeader(record: TarRecord, name: string, target?: string): Buffer {
  const header = Buffer.from(record.header.subarray(-block));
  const link = target ?? (record.type === '2' ? record.linkname : undefined);
  const paths = [['path', name] as const, ...(link === undefined ? [] : [['linkpath', link] as const])];
  const extension = Buffer.from(paths.map(([key, value]) => paxRecord(key, value)).join(''));
  const prelude = Buffer.from(header);
  writeText(prelude, 'PaxHeader', 0, 100);
  writeHeader(prelude, 'x', extension.length);
  writeText(header, name, 0, 100);
  writeText(header, link ?? '', 157, 100);
  if (target !== undefined) writeHeader(header, '1', 0);
  else writeHeader(header, record.type, record.size);
  const padding = Buffer.alloc(padded(extension.length) - extension.length);
  return Buffer.concat([prelude, extension, padding, header]);
}

function writeHeader(header: Buffer, type: string, size: number): void {
  header.fill(0, 345, 500);
  header.write(type, 156, 1, 'latin1');
  // Above 8 GiB the octal field is too small and GNU's binary form serves.
  if (size < 8 ** 11) header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 12, 'latin1');
  else {
    header.fill(0, 124, 136);
    header[124] = 0x80;
    header.writeBigUInt64BE(BigInt(size), 128);
  }
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
}

function writeText(header: Buffer, value: string, start: number, length: number): void {
  header.fill(0, start, start + length);
  header.write(value, start, length, 'utf8');
}

/** A POSIX extended header record; its length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
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

async function* rest(first: Buffer, reader: ByteReader): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (;;) {
    const chunk = await reader.some(Number.MAX_SAFE_INTEGER);
    if (chunk.length === 0) return;
    yield chunk;
  }
}

/** Pulls exact amounts from a stream of chunks without copying what passes through. */
class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** Up to `most` bytes; none at the end. */
  async some(most: number): Promise<Buffer> {
    while (this.#chunk.length === 0) {
      const next = await this.#iterator.next();
      if (next.done) return Buffer.alloc(0);
      this.#chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    }
    const taken = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(taken.length);
    return taken;
  }

  /** Exactly `size` bytes, fewer only at the end. */
  async read(size: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let missing = size; missing > 0; ) {
      const part = await this.some(missing);
      if (part.length === 0) break;
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}

function typeOf(header: Buffer): string {
  const flag = header[156] ?? 0;
  return flag === 0 ? '0' : String.fromCharCode(flag);
}

function headerName(header: Buffer): string {
  const name = text(header, 0, 100);
  const isPosix = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? text(header, 345, 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function text(bytes: Buffer, start: number, length: number): string {
  const end = bytes.indexOf(0, start);
  return bytes.toString('utf8', start, end < 0 || end > start + length ? start + length : end);
}

/** Octal text, or GNU's big-endian binary when the first bit is set. */
function number(header: Buffer, start: number, length: number): number {
  if ((header[start] ?? 0) & 0x80) {
    let value = 0;
    for (let at = start + 1; at < start + length; at += 1) value = value * 256 + (header[at] ?? 0);
    if (!Number.isSafeInteger(value)) throw damaged('a number that is too large');
    return value;
  }
  const digits = header
    .toString('latin1', start, start + length)
    .replace(/[\0 ].*$/s, '')
    .trim();
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw damaged('a number that is not octal');
  return Number.parseInt(digits, 8);
}

function checkSum(header: Buffer): void {
  let sum = 8 * 0x20;
  for (let at = 0; at < block; at += 1) if (at < 148 || at >= 156) sum += header[at] ?? 0;
  const stated = header.toString('latin1', 148, 156).replace(/\0.*$/s, '').trim();
  if (Number.parseInt(stated, 8) !== sum) throw damaged('a header whose checksum is wrong');
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

function padded(size: number): number {
  return Math.ceil(size / block) * block;
}

function damaged(what: string): MabuildError {
  return new MabuildError(`reading a layer's tar: ${what}`, {
    code: 'INVALID_TAR',
    hint: 'the archive is damaged or cut off',
  });
}
