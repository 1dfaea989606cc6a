import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { MabuildError } from '@mabuild/oci';
import { worthIt } from './density.ts';
import { contentOf, type LayerEntry } from './entry.ts';
import { paxRecord } from './pax.ts';

const block = 512;
const flags: Readonly<Record<LayerEntry['type'], string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
  whiteout: '0',
  opaque: '0',
};

/** A piece of a layer's tar. */
export interface LayerChunk {
  readonly bytes: Uint8Array;
  /** It belongs to a large file that does not get smaller when it is compressed. */
  readonly dense: boolean;
}

/** How much of a file tells whether compressing it is worth the time, bytes. */
const sampleSize = 64 * 1024;

/**
 * Writes entries as a layer's tar, in their order; nothing is taken from the machine or the clock.
 *
 * @param onContent told the digest of each file's content, and where it begins
 * @throws MabuildError `CONTEXT_CHANGED` when a file's content has another length than was listed
 */
export async function* layerChunks(
  entries: Iterable<LayerEntry>,
  onContent: (entry: LayerEntry, digest: string, at: number) => void = () => {},
): AsyncGenerator<LayerChunk> {
  let at = 0;
  for (const entry of entries) {
    const header = headerOf(entry);
    yield { bytes: header, dense: false };
    at += header.length;
    if (entry.type !== 'file') continue;
    const start = at;
    yield* content(entry, (digest) => onContent(entry, digest, start));
    const padding = padded(entry.size) - entry.size;
    at += entry.size + padding;
    if (padding > 0) yield { bytes: Buffer.alloc(padding), dense: false };
  }
  yield { bytes: Buffer.alloc(2 * block), dense: false };
}

async function* content(entry: LayerEntry, onContent: (digest: string) => void): AsyncGenerator<LayerChunk> {
  const { path, size, digest } = entry;
  const hash = digest === undefined ? createHash('sha256') : undefined;
  let left = size;
  let sample: Buffer[] | undefined = size >= sampleSize ? [] : undefined;
  let sampled = 0;
  let dense = false;
  for await (const chunk of contentOf(entry)) {
    left -= chunk.length;
    if (left < 0) break;
    hash?.update(chunk);
    if (!sample) {
      yield { bytes: chunk, dense };
      continue;
    }
    sample.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    sampled += chunk.length;
    if (sampled < sampleSize) continue;
    const bytes = Buffer.concat(sample);
    sample = undefined;
    dense = isDense(bytes.subarray(0, sampleSize));
    yield { bytes, dense };
  }
  if (left !== 0) {
    throw new MabuildError(
      `${path} was listed with ${size} bytes and has ${left < 0 ? 'more' : size - left}`,
      {
        code: 'CONTEXT_CHANGED',
        hint: 'something writes to the context during the build: list that file in .dockerignore, or build again',
      },
    );
  }
  onContent(hash ? `sha256:${hash.digest('hex')}` : (digest ?? ''));
}

function isDense(sample: Uint8Array): boolean {
  return deflateRawSync(sample, { level: 1 }).length > sample.length * worthIt;
}

/** The name under which an entry stands in the tar. */
function nameOf({ path, type }: LayerEntry): string {
  const slash = path.lastIndexOf('/') + 1;
  if (type === 'whiteout') return `${path.slice(0, slash)}.wh.${path.slice(slash)}`;
  if (type === 'opaque') return path === '' ? '.wh..wh..opq' : `${path}/.wh..wh..opq`;
  return type === 'directory' ? `${path}/` : path;
}

function headerOf(entry: LayerEntry): Buffer {
  const name = nameOf(entry);
  const link = entry.type === 'symlink' || entry.type === 'link' ? (entry.linkname ?? '') : '';
  const size = entry.type === 'file' ? entry.size : 0;
  const records: Buffer[] = [];
  const text = (key: string, value: string | number): void =>
    void records.push(paxRecord(key, Buffer.from(String(value))));
  if (!fits(name, 100)) text('path', name);
  if (!fits(link, 100)) text('linkpath', link);
  if (size >= 8 ** 11) text('size', size);
  if (entry.uid >= 8 ** 7) text('uid', entry.uid);
  if (entry.gid >= 8 ** 7) text('gid', entry.gid);
  if (entry.mtime < 0 || entry.mtime >= 8 ** 11) text('mtime', entry.mtime);
  for (const [key, value] of Object.entries(entry.xattrs ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)))
    records.push(paxRecord(`SCHILY.xattr.${key}`, Buffer.from(value, 'base64')));
  const main = basicHeader(flags[entry.type], { ...entry, name, link, size });
  if (records.length === 0) return main;
  const data = Buffer.concat(records);
  const prelude = basicHeader('x', {
    name: 'PaxHeaders.0/entry',
    link: '',
    size: data.length,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 0,
  });
  return Buffer.concat([prelude, data, Buffer.alloc(padded(data.length) - data.length), main]);
}

interface BasicHeader
  extends Pick<LayerEntry, 'mode' | 'uid' | 'gid' | 'mtime' | 'size' | 'major' | 'minor'> {
  readonly name: string;
  readonly link: string;
}

/** One ustar header; what does not fit is cut, as the extended header has it whole. */
function basicHeader(flag: string, entry: BasicHeader): Buffer {
  const header = Buffer.alloc(block);
  const octal = (value: number, start: number, length: number): void => {
    const digits = value < 0 || value >= 8 ** (length - 1) ? '0' : value.toString(8);
    header.write(`${digits.padStart(length - 1, '0')}\0`, start, length, 'latin1');
  };
  header.set(Buffer.from(entry.name).subarray(0, 100), 0);
  octal(entry.mode & 0o7777, 100, 8);
  octal(entry.uid, 108, 8);
  octal(entry.gid, 116, 8);
  octal(entry.size, 124, 12);
  octal(entry.mtime, 136, 12);
  header.write(flag, 156, 1, 'latin1');
  header.set(Buffer.from(entry.link).subarray(0, 100), 157);
  header.write('ustar\x0000', 257, 8, 'latin1');
  octal(entry.major ?? 0, 329, 8);
  octal(entry.minor ?? 0, 337, 8);
  header.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return header;
}

/** ASCII only: other names are told in the extended header, whose text is UTF-8 by its specification. */
function fits(text: string, length: number): boolean {
  return text.length <= length && /^[\x20-\x7e]*$/.test(text);
}

function padded(size: number): number {
  return Math.ceil(size / block) * block;
}
