import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CallOptions, type Descriptor, decompressed, type LayerFacts, MabuildError } from '@mabuild/oci';
import type { Memory } from '../../../memory.ts';
import { openAt } from './content-at.ts';
import type { LayerEntry } from './entry.ts';
import { readLayer } from './read-layer.ts';
import { keepsText, type ScannedEntry } from './scanned-entry.ts';

/** A layer that lies somewhere as a blob. */
export interface StoredLayer {
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  /** The blob as it is stored. */
  readonly descriptor: Descriptor;
  /** What is in it for those who judge images, where it was looked at already. */
  readonly facts?: LayerFacts;
  /** When it was first written, ISO 8601, where that is known. */
  readonly created?: string;
  /** What a scan of it finds, where it was just written. */
  readonly holds?: readonly ScannedEntry[] | undefined;
  /** Gets the blob into the store, where it is not there yet, and says what is in it. */
  fetch?(options?: CallOptions): Promise<LayerFacts>;
  /** Opens the blob's own bytes, verified while they are read. */
  read(options?: CallOptions): Promise<Readable>;
}

/** Knows what layers hold; each is read once, by this process or an earlier one. */
export interface LayerScanner {
  /** @throws MabuildError `INVALID_TAR`, `UNSAFE_PATH`, `DIGEST_MISMATCH` when the layer is not what its config says */
  entries(layer: StoredLayer, options?: CallOptions): Promise<readonly LayerEntry[]>;
  /** Writes the uncompressed tar to a file, once. */
  spool(layer: StoredLayer, options?: CallOptions): Promise<string>;
}

export interface LayerScannerOptions {
  readonly memory: Memory;
  /** For uncompressed layers whose files are wanted; the caller deletes it. */
  readonly temporaryDirectory: string;
}

const format = 2;

export function createLayerScanner({ memory, temporaryDirectory }: LayerScannerOptions): LayerScanner {
  const known = new Map<string, Promise<readonly LayerEntry[]>>();
  const spooled = new Map<string, Promise<string>>();
  const once = <T>(works: Map<string, Promise<T>>, key: string, work: () => Promise<T>): Promise<T> => {
    const found = works.get(key);
    if (found) return found;
    const started = work();
    // What failed or was stopped may be asked for again.
    started.catch(() => works.delete(key));
    works.set(key, started);
    return started;
  };
  const spool: LayerScanner['spool'] = (layer, options) =>
    once(spooled, layer.diffId, async () => {
      await mkdir(temporaryDirectory, { recursive: true, mode: 0o700 });
      const file = join(temporaryDirectory, `layer-${randomBytes(6).toString('hex')}.tar`);
      await pipeline(await plain(layer, options), createWriteStream(file, { mode: 0o600 }));
      return file;
    });
  return {
    spool,
    entries: (layer, options) =>
      once(known, layer.diffId, async () => {
        const key = `${format} ${layer.diffId}`;
        const remembered = (await memory.get('layer-entries', key)) as readonly ScannedEntry[] | undefined;
        const scanned = remembered ?? layer.holds ?? (await scan(layer, options));
        if (!remembered) await memory.set('layer-entries', key, scanned);
        return scanned.map((entry) => opened(entry, () => spool(layer, options)));
      }),
  };
}

function opened({ at, text, pieces, ...entry }: ScannedEntry, spool: () => Promise<string>): LayerEntry {
  if (entry.type !== 'file') return entry;
  return {
    ...entry,
    open: async () => {
      if (text !== undefined) return Readable.from([Buffer.from(text, 'base64')], { objectMode: false });
      return openAt(await spool(), { size: entry.size, offset: at ?? 0, pieces });
    },
  };
}

/** The uncompressed tar, which fails at its end when it is not what the config says. */
async function plain(layer: StoredLayer, options: CallOptions = {}): Promise<Readable> {
  const tar = await decompressed(await layer.read(options), options);
  const checked = async function* (): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    for await (const chunk of tar as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      yield chunk;
    }
    const found = `sha256:${hash.digest('hex')}`;
    if (found === layer.diffId) return;
    throw new MabuildError(
      `layer ${layer.descriptor.digest} holds ${found}, its image says ${layer.diffId}`,
      {
        code: 'DIGEST_MISMATCH',
        hint: 'the image is damaged: pull or push it again',
      },
    );
  };
  return Readable.from(checked(), { objectMode: false });
}

async function scan(layer: StoredLayer, options: CallOptions = {}): Promise<readonly ScannedEntry[]> {
  const entries: ScannedEntry[] = [];
  for await (const { entry, offset, pieces, body } of readLayer(await plain(layer, options))) {
    if (entry.type !== 'file') {
      entries.push(entry);
      continue;
    }
    const hash = createHash('sha256');
    const text: Uint8Array[] = [];
    const keeps = keepsText(entry);
    for await (const chunk of body()) {
      hash.update(chunk);
      if (keeps) text.push(Buffer.from(chunk));
    }
    entries.push({
      ...entry,
      digest: `sha256:${hash.digest('hex')}`,
      at: offset,
      ...(pieces ? { pieces } : {}),
      ...(keeps ? { text: Buffer.concat(text).toString('base64') } : {}),
    });
  }
  return entries;
}
