import { MabuildError, readTarRecords, safeEntryPath, type TarRecord } from '@mabuild/oci';
import { zeros } from './content-at.ts';
import type { LayerEntry, LayerEntryType } from './entry.ts';
import { type MemberHeader, takeApart } from './pax.ts';
import { type SparseFile, type SparsePiece, sparseFile } from './sparse.ts';

/** An entry together with where its content lies. */
export interface ReadEntry {
  readonly entry: LayerEntry;
  /** Where the content starts in the uncompressed tar. */
  readonly offset: number;
  /** The stored parts of a sparse file. */
  readonly pieces?: readonly SparsePiece[];
  /** The content; must be read to its end, or not at all, before the next entry. */
  body(): AsyncGenerator<Uint8Array>;
}

export interface ReadLayerOptions {
  /** `.wh.` names take away what lies below; in an archive that ADD unpacks they are refused. @default true */
  readonly whiteouts?: boolean;
}

const types: Readonly<Record<string, LayerEntryType>> = {
  '0': 'file',
  S: 'file',
  '7': 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
};

/**
 * Reads the entries of an uncompressed layer, every header field that counts among them; memory does not grow with it.
 *
 * @throws MabuildError `INVALID_TAR`, `UNSAFE_PATH` for names that lead out of the root, `UNSUPPORTED_LAYER` for names that a layer
 *   cannot have
 */
export async function* readLayer(
  tar: AsyncIterable<Uint8Array>,
  options: ReadLayerOptions = {},
): AsyncGenerator<ReadEntry> {
  let position = 0;
  for await (const record of readTarRecords(tar)) {
    if ('trailer' in record) {
      for await (const _ of record.trailer);
      return;
    }
    const offset = position + record.header.length;
    position = offset + Math.ceil(record.size / 512) * 512;
    const member = takeApart(record.header);
    const stored = content(record);
    const start: Uint8Array[] = [];
    const sparse = await sparseFile(record, member.main, member.pax, async () => {
      const { value } = await stored.next();
      if (value) start.push(value);
      return value ?? undefined;
    });
    const entry = entryOf(record, member, sparse, options.whiteouts ?? true);
    if (!entry) continue;
    if (sparse && entry.type === 'file') {
      const { pieces } = sparse;
      yield { entry, offset, pieces, body: () => expanded(start, stored, sparse) };
    } else yield { entry, offset, body: () => stored };
  }
}

async function* content(record: TarRecord): AsyncGenerator<Uint8Array, undefined> {
  let left = record.size;
  for await (const chunk of record.body()) {
    const some = chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= some.length;
    if (some.length > 0) yield some;
  }
}

/** A sparse file as it is: zeros between what is stored. */
async function* expanded(
  start: readonly Uint8Array[],
  rest: AsyncGenerator<Uint8Array, undefined>,
  { size, pieces }: SparseFile,
): AsyncGenerator<Uint8Array> {
  let written = 0;
  let position = 0;
  let next = 0;
  const stored = async function* (): AsyncGenerator<Uint8Array> {
    yield* start;
    yield* rest;
  };
  for await (const chunk of stored()) {
    for (let at = 0; at < chunk.length; ) {
      const piece = pieces[next];
      if (!piece) break;
      const here = position + at;
      // The map itself comes first in one of the forms.
      if (here < piece.at) {
        at += Math.min(piece.at - here, chunk.length - at);
        continue;
      }
      const inPiece = here - piece.at;
      if (inPiece === 0) {
        yield* zeros(piece.offset - written);
        written = piece.offset;
      }
      const some = chunk.subarray(at, at + piece.length - inPiece);
      yield some;
      written += some.length;
      at += some.length;
      if (inPiece + some.length === piece.length) next += 1;
    }
    position += chunk.length;
  }
  yield* zeros(size - written);
}

function entryOf(
  record: TarRecord,
  { pax, main }: MemberHeader,
  sparse: SparseFile | undefined,
  whiteouts: boolean,
): LayerEntry | undefined {
  const path = safeEntryPath((sparse?.name ?? record.name).replace(/^\/+/, ''));
  const type = record.type === '0' && record.name.endsWith('/') ? 'directory' : types[record.type];
  if (type === undefined || path === '') return undefined;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const parent = path.slice(0, path.length - name.length);
  const fields = {
    mode: record.mode,
    uid: paxNumber(pax, 'uid') ?? record.uid,
    gid: paxNumber(pax, 'gid') ?? record.gid,
    mtime: Math.floor(paxNumber(pax, 'mtime') ?? octal(main, 136, 12)),
  };
  if (name.startsWith('.wh.')) {
    if (!whiteouts) throw unsupported(`${record.name} has a name that takes files away in a layer`);
    if (name === '.wh..wh..opq') return { ...fields, path: parent.slice(0, -1), type: 'opaque', size: 0 };
    // Bookkeeping of aufs.
    if (name.startsWith('.wh..wh.')) return undefined;
    return { ...fields, path: parent + safeName(name.slice(4)), type: 'whiteout', size: 0 };
  }
  const xattrs = xattrsOf(pax);
  return {
    path,
    type,
    ...fields,
    size: type === 'file' ? (sparse?.size ?? record.size) : 0,
    ...(type === 'symlink' ? { linkname: record.linkname } : {}),
    ...(type === 'link' ? { linkname: safeEntryPath(record.linkname.replace(/^\/+/, '')) } : {}),
    ...(type.endsWith('-device') ? { major: octal(main, 329, 8), minor: octal(main, 337, 8) } : {}),
    ...(xattrs ? { xattrs } : {}),
  };
}

function safeName(name: string): string {
  if (name !== '' && name !== '.' && name !== '..') return name;
  throw unsupported(`a whiteout names ${JSON.stringify(name)}`);
}

function xattrsOf(pax: ReadonlyMap<string, Buffer>): Record<string, string> | undefined {
  const found = [...pax].flatMap(([key, value]): readonly (readonly [string, string])[] =>
    key.startsWith('SCHILY.xattr.')
      ? [[key.slice('SCHILY.xattr.'.length), value.toString('base64')] as const]
      : [],
  );
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function paxNumber(pax: ReadonlyMap<string, Buffer>, key: string): number | undefined {
  const text = pax.get(key)?.toString('latin1');
  return text !== undefined && /^-?\d+(\.\d*)?$/.test(text) ? Number(text) : undefined;
}

/** A number of a header block: octal, or GNU's binary form. */
function octal(header: Buffer, start: number, length: number): number {
  const field = header.subarray(start, start + length);
  const first = field[0] ?? 0;
  if (first & 0x80) {
    let value = first === 0xff ? -1 : 0;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    return value;
  }
  const text = field.toString('latin1').replace(/[\0 ].*$/s, '');
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : 0;
}

function unsupported(what: string): MabuildError {
  return new MabuildError(`reading a layer: ${what}`, {
    code: 'UNSUPPORTED_LAYER',
    hint: 'build with Docker, or write that archive anew',
  });
}
