import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { decompressed, MabuildError } from '@mabuild/oci';
import type { ProgramPlace } from './batch.ts';
import type { Given } from './given.ts';
import type { JobLayer } from './job.ts';
import type { UnpackedLayer } from './merged.ts';
import { type Marks, unpackLayer } from './unpack.ts';

/** What unpacking needs besides the layer. */
export interface ShelfSite {
  /** Folder of the shelf; layers lie in `layers`. */
  readonly directory: string;
  readonly place: ProgramPlace;
  readonly marks: Marks;
  /** Nobody but the user of this process owns anything here, not even as root of a namespace. */
  readonly ordinary: boolean;
  readonly onNote: (text: string) => void;
}

/** A layer on the shelf: its path is short, as overlayfs takes no more than a page of them. */
export function shelfPath(id: string): string {
  return `layers/${id}/fs`;
}

/** What the layers of an image are called on the shelf: each by itself and all below it, as unpacking looks at those. */
export function shelfIds(diffIds: readonly string[]): readonly string[] {
  let id = '';
  return diffIds.map((diffId) => {
    id = createHash('sha256').update(`${id} ${diffId}`).digest('hex').slice(0, 24);
    return id;
  });
}

/**
 * Gives the layers of an image, the topmost first; those that come are unpacked. A layer is on the shelf whole or not at all.
 *
 * @param layers from the bottom
 * @throws MabuildError `DIGEST_MISMATCH`, and what unpacking throws
 */
export async function layersOf(
  layers: readonly JobLayer[],
  next: () => AsyncIterable<Uint8Array>,
  site: ShelfSite,
): Promise<readonly UnpackedLayer[]> {
  let below: readonly UnpackedLayer[] = [];
  for (const layer of layers) {
    const folder = `${site.directory}/layers/${layer.id}`;
    if (layer.comes) {
      const blob = next();
      if (existsSync(folder)) for await (const _ of blob);
      else await putOnShelf(layer, blob, below, site);
    }
    below = [readShelf(folder), ...below];
  }
  return below;
}

/** Unpacks a tar that is used once. */
export async function unpackOnce(
  tar: AsyncIterable<Uint8Array>,
  root: string,
  site: ShelfSite,
): Promise<UnpackedLayer> {
  mkdirSync(root, { recursive: true });
  const { place, marks, onNote, ordinary } = site;
  return await unpackLayer({ tar, root, below: [], place, marks, ordinary, onNote });
}

function readShelf(folder: string): UnpackedLayer {
  const known = JSON.parse(readFileSync(`${folder}/marks.json`, 'utf8')) as {
    readonly opaque: readonly string[];
    readonly whiteouts: readonly string[];
    readonly given?: readonly (readonly [string, Given])[];
  };
  return {
    root: `${folder}/fs`,
    opaque: new Set(known.opaque),
    whiteouts: new Set(known.whiteouts),
    ...(known.given === undefined ? {} : { given: new Map(known.given) }),
  };
}

async function putOnShelf(
  { id, diffId }: JobLayer,
  blob: AsyncIterable<Uint8Array>,
  below: readonly UnpackedLayer[],
  site: ShelfSite,
): Promise<void> {
  const folder = `${site.directory}/layers/${id}`;
  const { place, marks, onNote, ordinary } = site;
  const made = `${place.directory}/layer-${randomBytes(4).toString('hex')}`;
  mkdirSync(`${made}/fs`, { recursive: true });
  try {
    const hash = createHash('sha256');
    const plain = await decompressed(Readable.from(blob, { objectMode: false }));
    const tar = (async function* () {
      for await (const chunk of plain as AsyncIterable<Uint8Array>) {
        hash.update(chunk);
        yield chunk;
      }
    })();
    const unpacked = await unpackLayer({ tar, root: `${made}/fs`, below, place, marks, ordinary, onNote });
    const found = `sha256:${hash.digest('hex')}`;
    if (found !== diffId) {
      throw new MabuildError(`unpacking a layer: it holds ${found}, its image says ${diffId}`, {
        code: 'DIGEST_MISMATCH',
        hint: 'the image is damaged: pull or push it again',
      });
    }
    const known = {
      opaque: [...unpacked.opaque],
      whiteouts: [...(unpacked.whiteouts ?? [])],
      ...(unpacked.given === undefined ? {} : { given: [...unpacked.given] }),
    };
    writeFileSync(`${made}/marks.json`, JSON.stringify(known));
    renameSync(made, folder);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    // Somebody else was faster.
    if (['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) return;
    throw error;
  }
}
