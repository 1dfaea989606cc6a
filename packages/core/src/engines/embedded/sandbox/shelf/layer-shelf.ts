import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { decompressed, MabuildError } from '@mabuild/oci';
import type { ProgramPlace } from '../calls/batch.ts';
import type { Given } from '../files/given.ts';
import type { UnpackedLayer } from '../files/merged.ts';
import { type Marks, unpackLayer } from '../files/unpack.ts';
import type { JobLayer } from '../helper/job.ts';
import { type Assumption, nameOnShelf, noteSame, placeOnShelf, suits } from './shelf-sharing.ts';

/** What unpacking needs besides the layer. */
export interface ShelfSite {
  /** Folder of the shelf; layers lie in `layers`. */
  readonly directory: string;
  readonly place: ProgramPlace;
  readonly marks: Marks;
  /** Nobody but the user of this process owns anything here, not even as root of a namespace. */
  readonly ordinary: boolean;
  readonly onNote: (text: string) => void;
  /** Gets the id of a layer that is not the same over these. */
  readonly onDiffers: (id: string) => void;
}

/** A layer on the shelf: its path is short, as overlayfs takes no more than a page of them. */
export function shelfPath(id: string): string {
  return `layers/${id}/fs`;
}

/** What a layer is called on the shelf. */
export type ShelfName = Pick<JobLayer, 'id' | 'alone'>;

/**
 * What the layers of an image are called on the shelf: each by itself and all below it, as unpacking looks at those, and by
 * itself alone, for what comes out the same over others.
 */
export function shelfNames(diffIds: readonly string[]): readonly ShelfName[] {
  let id = '';
  return diffIds.map((diffId, index) => {
    id = nameOf(`${id} ${diffId}`);
    // Overlayfs takes no folder twice, and the lowest has nothing below it anyway.
    return index === 0 || diffIds.indexOf(diffId) < index ? { id } : { id, alone: nameOf(`alone ${diffId}`) };
  });
}

function nameOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
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
  let ends = false;
  for (const layer of layers) {
    const { directory } = site;
    let name = ends ? undefined : (nameOnShelf(directory, layer.id) ?? adopt(layer, below, site));
    if (layer.comes) {
      const blob = next();
      if (name === undefined && !ends) name = await putOnShelf(layer, blob, below, site);
      else for await (const _ of blob);
    } else if (name === undefined && !ends && layer.alone !== undefined) {
      site.onDiffers(layer.id);
      ends = true;
    }
    if (!ends) below = [readShelf(`${directory}/layers/${name ?? layer.id}`), ...below];
  }
  return below;
}

/** Takes the same layer of another image for it. */
function adopt(
  { id, alone }: JobLayer,
  below: readonly UnpackedLayer[],
  { directory, place }: ShelfSite,
): string | undefined {
  if (alone === undefined || nameOnShelf(directory, alone) === undefined) return undefined;
  const { assumes } = readMarks(`${directory}/layers/${alone}`);
  if (assumes === undefined || !suits(assumes, below)) return undefined;
  noteSame(directory, id, alone, madeName(place));
  return alone;
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

interface ShelfMarks {
  readonly opaque: readonly string[];
  readonly whiteouts: readonly string[];
  readonly given?: readonly (readonly [string, Given])[];
  readonly assumes?: readonly Assumption[];
}

function readMarks(folder: string): ShelfMarks {
  return JSON.parse(readFileSync(`${folder}/marks.json`, 'utf8')) as ShelfMarks;
}

function madeName({ directory }: ProgramPlace): string {
  return `${directory}/layer-${randomBytes(4).toString('hex')}`;
}

function readShelf(folder: string): UnpackedLayer {
  const known = readMarks(folder);
  return {
    root: `${folder}/fs`,
    opaque: new Set(known.opaque),
    whiteouts: new Set(known.whiteouts),
    ...(known.given === undefined ? {} : { given: new Map(known.given) }),
  };
}

/** @returns the name that it got */
async function putOnShelf(
  { id, alone, diffId }: JobLayer,
  blob: AsyncIterable<Uint8Array>,
  below: readonly UnpackedLayer[],
  site: ShelfSite,
): Promise<string> {
  const { place, marks, onNote, ordinary } = site;
  const made = madeName(place);
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
    const { opaque, whiteouts = [], given, assumes } = unpacked;
    const known: ShelfMarks = {
      ...{ opaque: [...opaque], whiteouts: [...whiteouts] },
      ...(given && { given: [...given] }),
      ...(assumes && { assumes }),
    };
    writeFileSync(`${made}/marks.json`, JSON.stringify(known));
    if (assumes && alone !== undefined && placeOnShelf(site.directory, alone, made)) {
      noteSame(site.directory, id, alone, madeName(place));
      return alone;
    }
    if (placeOnShelf(site.directory, id, made)) return id;
    rmSync(made, { recursive: true, force: true });
    return nameOnShelf(site.directory, id) ?? id;
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    throw error;
  }
}
