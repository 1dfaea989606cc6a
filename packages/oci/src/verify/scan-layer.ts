import { Readable } from 'node:stream';
import { parseElf } from '../elf/elf.ts';
import { isElf } from '../elf/elf-bytes.ts';
import { captureElf, type ElfCapture } from '../elf/elf-capture.ts';
import type { CallOptions } from '../image-source.ts';
import { layerCompressionOf, unpack } from '../tar/decompress.ts';
import { readTarEntries, type TarEntry } from '../tar/tar.ts';
import {
  type ElfFile,
  emptyLayerFacts,
  type LayerFacts,
  type LinkFile,
  type ScriptFile,
} from './layer-facts.ts';

/** The most entries that a layer may have before it counts as unreadable. */
const mostEntries = 4_000_000;
const longestShebang = 256;
const longestLoaderText = 64 * 1024;

/** How a layer is packed. */
type Compression = ReturnType<typeof layerCompressionOf>;

/**
 * Reads a layer once, from beginning to end, and notes what matters for telling what runs in it.
 *
 * The stream is a tar, plain, gzip or zstd; one that cannot be read gives facts that say why.
 * Memory stays small whatever the layer's size. Errors of the stream itself, such as `DIGEST_MISMATCH`, reject.
 */
export async function scanLayer(layer: Readable, options: CallOptions = {}): Promise<LayerFacts> {
  const { signal } = options;
  const stop = (): void => {
    layer.destroy();
  };
  signal?.addEventListener('abort', stop, { once: true });
  const chunks: AsyncIterator<Buffer> = layer[Symbol.asyncIterator]();
  let failure: { readonly error: unknown } | undefined;
  const next = async (): Promise<Buffer | undefined> => {
    try {
      const { done, value } = await chunks.next();
      return done === true ? undefined : value;
    } catch (error) {
      failure ??= { error };
      throw error;
    }
  };
  const verdictOfStream = async (): Promise<void> => {
    while ((await next()) !== undefined);
  };
  try {
    signal?.throwIfAborted();
    const start = await firstBytes(next);
    // Told by the first bytes and not by the media type, which may lie.
    const compression = layerCompressionOf(start);
    const facts = await readFacts(unpacked(start, next, compression), options).catch((error: unknown) => {
      if (failure !== undefined || signal?.aborted === true) throw error;
      return emptyLayerFacts(error instanceof Error ? error.message : String(error));
    });
    await verdictOfStream();
    return facts;
  } catch (error) {
    signal?.throwIfAborted();
    throw failure === undefined ? error : failure.error;
  } finally {
    signal?.removeEventListener('abort', stop);
    layer.destroy();
  }
}

type NextChunk = () => Promise<Buffer | undefined>;

async function firstBytes(next: NextChunk): Promise<Buffer> {
  let start = Buffer.alloc(0);
  while (start.length < 4) {
    const chunk = await next();
    if (chunk === undefined) {
      break;
    }
    start = Buffer.concat([start, chunk]);
  }
  return start;
}

function unpacked(start: Buffer, next: NextChunk, compression: Compression): Readable {
  const packed = Readable.from(
    (async function* () {
      if (start.length > 0) yield start;
      for (let chunk = await next(); chunk !== undefined; chunk = await next()) yield chunk;
    })(),
    { objectMode: false },
  );
  return unpack(packed, compression);
}

/** What was found, by path: a later entry of the same tar takes an earlier one's place. */
interface Notes {
  readonly files: Map<string, Found>;
  readonly whiteouts: Set<string>;
  readonly opaque: Set<string>;
  readonly loaderPaths: Map<string, string>;
}

type Found =
  | { readonly kind: 'directory' | 'other' }
  | { readonly kind: 'elf'; readonly file: ElfFile }
  | { readonly kind: 'script'; readonly file: ScriptFile }
  | { readonly kind: 'link'; readonly file: LinkFile };

async function readFacts(tar: Readable, options: CallOptions): Promise<LayerFacts> {
  const notes: Notes = { files: new Map(), whiteouts: new Set(), opaque: new Set(), loaderPaths: new Map() };
  let entries = 0;
  for await (const entry of readTarEntries(tar, options)) {
    entries += 1;
    if (entries > mostEntries) {
      throw new Error(`it has more than ${mostEntries} entries`);
    }
    await noteEntry(notes, entry);
  }
  return factsOf(notes);
}

async function noteEntry(notes: Notes, entry: TarEntry): Promise<void> {
  const path = entryPath(entry.name);
  const slash = path.lastIndexOf('/') + 1;
  const [folder, name] = [path.slice(0, slash), path.slice(slash)];
  if (name === '.wh..wh..opq') {
    notes.opaque.add(folder.slice(0, -1));
  } else if (name.startsWith('.wh.')) {
    if (!name.startsWith('.wh..wh.')) {
      notes.whiteouts.add(folder + name.slice('.wh.'.length));
    }
  } else if (path !== '') {
    notes.files.set(path, await look(notes, path, entry));
  }
  for await (const _ of entry.body);
}

async function look(notes: Notes, path: string, entry: TarEntry): Promise<Found> {
  switch (entry.type) {
    case 'directory':
      return { kind: 'directory' };
    case 'symlink':
      return { kind: 'link', file: { path, target: entry.linkname ?? '' } };
    case 'link':
      return { kind: 'link', file: { path, target: entryPath(entry.linkname ?? ''), hard: true } };
    case 'file':
    case 'contiguous-file':
      return lookInside(notes, path, entry);
    default:
      return { kind: 'other' };
  }
}

async function lookInside(notes: Notes, path: string, entry: TarEntry): Promise<Found> {
  const isLoaderText = tellsLoaderPaths(path);
  const wanted = isLoaderText ? longestLoaderText : longestShebang;
  // Kept from the first byte on, until it turns out not to be an ELF file.
  let elf: ElfCapture | undefined = captureElf(entry.size);
  let start = Buffer.alloc(0);
  for await (const chunk of entry.body as AsyncIterable<Buffer>) {
    elf?.write(chunk);
    if (start.length < wanted) {
      start = Buffer.concat([start, chunk.subarray(0, wanted - start.length)]);
    }
    if (start.length >= 4 && !isElf(start)) {
      elf = undefined;
    }
  }
  const mode = entry.mode & 0o7777;
  const facts = elf === undefined ? undefined : parseElf(elf.bytes());
  if (facts !== undefined) {
    return { kind: 'elf', file: { path, mode, ...facts } };
  }
  if (isLoaderText) {
    notes.loaderPaths.set(path, start.toString('utf8'));
  }
  const shebang = /^#![ \t]*([^ \t\r\n\0]+)[ \t]*([^\r\n\0]*)/.exec(
    start.toString('utf8', 0, longestShebang),
  );
  const [, interpreter, argument = ''] = shebang ?? [];
  return interpreter === undefined
    ? { kind: 'other' }
    : {
        kind: 'script',
        file: { path, mode, interpreter, ...(argument.trim() === '' ? {} : { argument: argument.trim() }) },
      };
}

function tellsLoaderPaths(path: string): boolean {
  return /^etc\/(?:ld\.so\.conf|ld\.so\.conf\.d\/[^/]+\.conf|ld-musl-[^/]+\.path)$/.test(path);
}

/** A path of the tar without leading slash, `.` and `..`: none leads out of the image. */
function entryPath(name: string): string {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '..') {
      parts.pop();
    } else if (part !== '' && part !== '.') {
      parts.push(part);
    }
  }
  return parts.join('/');
}

function factsOf(notes: Notes): LayerFacts {
  const directories: string[] = [];
  const elf: ElfFile[] = [];
  const scripts: ScriptFile[] = [];
  const links: LinkFile[] = [];
  const others = new Map<string, string[]>();
  for (const [path, found] of notes.files) {
    if (found.kind === 'directory') {
      directories.push(path);
    } else if (found.kind === 'elf') {
      elf.push(found.file);
    } else if (found.kind === 'script') {
      scripts.push(found.file);
    } else if (found.kind === 'link') {
      links.push(found.file);
    } else {
      const slash = path.lastIndexOf('/');
      const folder = path.slice(0, Math.max(0, slash));
      const names = others.get(folder) ?? [];
      names.push(path.slice(slash + 1));
      others.set(folder, names);
    }
  }
  return {
    version: 1,
    whiteouts: [...notes.whiteouts],
    opaque: [...notes.opaque],
    directories,
    elf,
    scripts,
    links,
    others: Object.fromEntries(others),
    loaderPaths: Object.fromEntries(notes.loaderPaths),
  };
}
