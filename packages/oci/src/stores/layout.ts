import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Descriptor } from '../descriptor.ts';
import { verifyingStream } from '../digest.ts';
import { MabuildError } from '../error.ts';
import type { ImageSink, TagOptions } from '../image-sink.ts';
import type { CallOptions, ImageSource } from '../image-source.ts';
import type { ImageIndex } from '../manifest.ts';
import { isIndexType, isManifestType, mediaTypes } from '../media-type.ts';
import { parseImageIndex } from '../parse-manifest.ts';
import { changeReferrersTag, isReferrersTag, referrersTag } from '../referrers.ts';
import { BlobStore } from './blob-store.ts';
import { placeContent, placeStream } from './place-file.ts';

/** The annotation of an index entry that names it: OCI image-spec, "Image Layout". */
export const refNameAnnotation = 'org.opencontainers.image.ref.name';

/**
 * Opens an OCI image layout: OCI image-spec, "Image Layout".
 *
 * @param tag which entry of `index.json`; without it the only one
 * @throws MabuildError `LAYOUT_INVALID` when the folder is none, `IMAGE_NOT_FOUND` when no entry, or more than one, fits
 */
export async function openLayout(
  directory: string,
  options: CallOptions & { readonly tag?: string | undefined } = {},
): Promise<ImageSource> {
  await readLayoutFile(directory);
  const index = await readIndexFile(directory);
  const store = new BlobStore(directory);
  const { annotations: _, ...root } = chooseEntry(index, options.tag, directory);
  return {
    root,
    read: (descriptor, options) => store.read(descriptor, options),
    referrers: (subject) => referrersIn(index, subject, (list) => store.read(list)),
  };
}

/**
 * The names of a layout's images, without the lists of referrers.
 * @throws MabuildError `LAYOUT_INVALID`
 */
export async function layoutTags(directory: string): Promise<readonly string[]> {
  await readLayoutFile(directory);
  return namesIn(await readIndexFile(directory));
}

/** @see layoutTags */
export function namesIn(index: ImageIndex): readonly string[] {
  const names = index.manifests.filter(isImage).map((entry) => entry.annotations?.[refNameAnnotation]);
  return [...new Set(names.filter((name) => name !== undefined && !isReferrersTag(name)) as string[])];
}

/** What a layout lists under the referrers tag, as one of a registry would. */
export async function referrersIn(
  index: ImageIndex,
  subject: Descriptor,
  read: ImageSource['read'],
): Promise<readonly Descriptor[]> {
  const list = namedEntry(index, referrersTag(subject.digest));
  if (!list || !isIndexType(list.mediaType)) return [];
  return parseImageIndex(await buffer(await read(list))).manifests;
}

function namedEntry(index: ImageIndex, name: string): Descriptor | undefined {
  return index.manifests.find((entry) => entry.annotations?.[refNameAnnotation] === name);
}

function isImage({ mediaType }: Descriptor): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType);
}

/** Picks the entry with a name, or the only image or index there is. */
export function chooseEntry(index: ImageIndex, tag: string | undefined, where: string): Descriptor {
  const images = index.manifests.filter(
    (entry) =>
      isImage(entry) && (tag !== undefined || !isReferrersTag(entry.annotations?.[refNameAnnotation] ?? '')),
  );
  const names = images.map((entry) => entry.annotations?.[refNameAnnotation]);
  const fitting =
    tag === undefined
      ? images
      : images.filter((_, at) => names[at] === tag || names[at]?.endsWith(`:${tag}`));
  const digests = new Set(fitting.map((entry) => entry.digest));
  const [first] = fitting;
  if (first && digests.size === 1) return first;
  throw new MabuildError(
    `opening ${where}: ${fitting.length === 0 ? 'it holds no such image' : `it holds ${digests.size} images`}`,
    {
      code: 'IMAGE_NOT_FOUND',
      hint: `name one of ${names.filter((name) => name !== undefined).join(', ') || 'its images (they have no names)'}`,
    },
  );
}

/** Makes a folder an OCI layout, or adds to one that it is already; every file is there whole or not at all. */
export async function createLayoutSink(directory: string): Promise<ImageSink> {
  await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
  const marker = join(directory, 'oci-layout');
  const existing = await readFile(marker).catch(() => undefined);
  if (existing) await readLayoutFile(directory);
  else await placeContent(marker, JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return new LayoutSink(directory);
}

class LayoutSink implements ImageSink {
  readonly verifies = true;
  readonly #directory: string;
  readonly #store: BlobStore;
  /** Changes of index.json, one after the other. */
  #indexing: Promise<void> = Promise.resolve();

  constructor(directory: string) {
    this.#directory = directory;
    this.#store = new BlobStore(directory);
  }

  async has(descriptor: Descriptor): Promise<boolean> {
    return this.#store.has(descriptor);
  }

  async tagged(name: string, descriptor: Descriptor): Promise<boolean> {
    const named = namedEntry(await readIndexFile(this.#directory), name);
    return named?.digest === descriptor.digest && (await this.has(descriptor));
  }

  async put(...[descriptor, open, options = {}]: Parameters<ImageSink['put']>): Promise<void> {
    const file = this.#store.fileOf(descriptor.digest);
    await mkdir(dirname(file), { recursive: true });
    let written = 0;
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        written += chunk.length;
        options.onBytes?.(written);
        done(null, chunk);
      },
    });
    await placeStream(file, open, {
      through: [verifyingStream(descriptor), counted],
      signal: options.signal,
    });
  }

  async tag(...[name, descriptor, options = {}]: Parameters<ImageSink['tag']>): Promise<void> {
    if (options.open && !(await this.has(descriptor))) await this.put(descriptor, options.open, options);
    const change = this.#indexing.then(async () => {
      const index = await readIndexFile(this.#directory);
      this.#checkExpected(name, descriptor, index, options.expected);
      const entry = { ...descriptor, annotations: { ...descriptor.annotations, [refNameAnnotation]: name } };
      const others = index.manifests.filter((other) => other.annotations?.[refNameAnnotation] !== name);
      const changed = { ...index, manifests: [...others, entry] };
      await placeContent(join(this.#directory, 'index.json'), JSON.stringify(changed));
    });
    this.#indexing = change.catch(() => {});
    await change;
  }

  async refer(
    subject: Descriptor,
    referrers: readonly Descriptor[],
    options: CallOptions = {},
  ): Promise<void> {
    const readList = async () => {
      const list = namedEntry(await readIndexFile(this.#directory), referrersTag(subject.digest));
      return list && { descriptor: list, bytes: await buffer(await this.#store.read(list)) };
    };
    await changeReferrersTag(this, subject.digest, { add: referrers }, readList, options);
  }

  #checkExpected(name: string, to: Descriptor, index: ImageIndex, expected: TagOptions['expected']): void {
    if (expected === undefined) return;
    const found = namedEntry(index, name)?.digest;
    const wanted = expected === 'absent' ? undefined : expected.digest;
    if (found === wanted || found === to.digest) return;
    throw new MabuildError(
      `tagging ${name} in OCI layout ${this.#directory}: it points at ${found ?? 'nothing'} by now, not at ${wanted ?? 'nothing'}`,
      {
        code: 'REGISTRY_TAG_MOVED',
        hint: 'somebody else wrote the same tag; read it again and repeat the change',
      },
    );
  }
}

async function readLayoutFile(directory: string): Promise<void> {
  const file = join(directory, 'oci-layout');
  let version: unknown;
  try {
    version = (JSON.parse(await readFile(file, 'utf8')) as { imageLayoutVersion?: unknown })
      .imageLayoutVersion;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new MabuildError(`there is no OCI layout at ${directory}`, {
        code: 'LAYOUT_INVALID',
        hint:
          code === 'ENOTDIR'
            ? 'that is a file: an archive is named oci-archive:FILE or docker-archive:FILE'
            : 'name a folder that holds oci-layout and index.json, as a build with -o oci:DIR leaves it',
        cause: error,
      });
    }
    throw invalidLayout(directory, `oci-layout cannot be read: ${(error as Error).message}`, error);
  }
  if (version !== '1.0.0')
    throw invalidLayout(directory, `version ${JSON.stringify(version)} of its format is unknown`);
}

async function readIndexFile(directory: string): Promise<ImageIndex> {
  let text: string;
  try {
    text = await readFile(join(directory, 'index.json'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };
  }
  return parseImageIndex(text, { of: join(directory, 'index.json') });
}

function invalidLayout(directory: string, why: string, cause?: unknown): MabuildError {
  return new MabuildError(`opening OCI layout ${directory}: ${why}`, {
    code: 'LAYOUT_INVALID',
    hint: 'name a folder that holds oci-layout and index.json',
    cause,
  });
}
