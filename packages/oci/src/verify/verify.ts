import { setMaxListeners } from 'node:events';
import type { Descriptor } from '../descriptor.ts';
import type { CallOptions, ImageSource } from '../image-source.ts';
import { configPlatform, type ImageConfig, type ImageManifest, isAttestation } from '../manifest.ts';
import { isConfigType, isIndexType, isLayerType } from '../media-type.ts';
import { parseAnyManifest, parseImageConfig } from '../parse-manifest.ts';
import { formatPlatform, normalizePlatform, type Platform } from '../platform.ts';
import { readDocument } from '../read-document.ts';
import { attempt, isProblem } from './content-problem.ts';
import { judgeImage, type VerifyNote, type VerifyProblem } from './judge-image.ts';
import { type RememberedLayers, scanLayers } from './verify-layers.ts';
import { type VerifyRun, verifyRun } from './verify-run.ts';

export interface VerifyOptions extends CallOptions {
  /** Verify these platforms only; one that the image lacks is a problem. Default: all that it has. */
  readonly platforms?: readonly Platform[] | undefined;
  /** Digests of layers that are the base's own: their programs are not judged, and they are read only in doubt. */
  readonly baseLayers?: Iterable<string> | undefined;
  /** Asked for the layers of each image's base; they are left out as those of `baseLayers` are. */
  readonly baseOf?: ((image: ImageOfBase) => Promise<BaseLayers | undefined>) | undefined;
  readonly remembered?: RememberedLayers | undefined;
  /** Looks for a layer that need not be read, and throws `BLOB_NOT_FOUND`. @default nothing is looked for */
  readonly find?: ((layer: Descriptor) => Promise<unknown>) | undefined;
  /** What is shared with other calls; they may read the same repository only. @default nothing */
  readonly run?: VerifyRun | undefined;
}

/** What an image says of itself, for finding its base. */
export interface ImageOfBase {
  readonly platform: Platform;
  /** Of the index, its entry and the manifest, the last one counting most. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface BaseLayers {
  /** Digests. */
  readonly layers: Iterable<string>;
  /** What is worth knowing, e.g. that the base is not to be had. */
  readonly note?: VerifyNote | undefined;
}

/** What became of one image of an index, or of the only one. */
export interface VerifiedImage {
  /** e.g. `linux/arm/v7`. */
  readonly platform: string;
  /** Of its manifest; empty for a platform that the image lacks. */
  readonly digest: string;
  readonly ok: boolean;
  /** A chart, a signature or the like: there is nothing that could run. */
  readonly artifact?: true;
  readonly problems: readonly VerifyProblem[];
  readonly notes: readonly VerifyNote[];
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly images: readonly VerifiedImage[];
}

const deepestIndex = 4;
const mostIndexes = 100;
/** OCI image-spec, "Pre-Defined Annotation Keys": what an image is based on. */
export const baseNameAnnotation = 'org.opencontainers.image.base.name';
export const baseDigestAnnotation = 'org.opencontainers.image.base.digest';

/**
 * Verifies that every image of an index, or a single one, is what it says: all manifests, configs and layers are there,
 * and the platform of the entry, of the config and of the programs in the layers is the same.
 *
 * Attestations are passed over. What cannot be read is a problem, never taken for good.
 * @throws what `source.read` throws, unless it says that content is missing or damaged: that is a problem.
 */
export async function verifyImage(source: ImageSource, options: VerifyOptions = {}): Promise<VerifyReport> {
  const wanted = options.platforms?.map((platform) => formatPlatform(normalizePlatform(platform)));
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  // Every read listens to it.
  setMaxListeners(0, signal);
  const run: Run = {
    source,
    options: { ...options, signal },
    base: new Set(options.baseLayers ?? []),
    shared: options.run ?? verifyRun(),
    indexes: { read: 0, tooMany: false },
  };
  const verifying: Promise<VerifiedImage>[] = [];
  try {
    for await (const child of childrenOf(run, { descriptor: source.root, annotations: {} }, 0)) {
      if (child.platform === undefined || wanted === undefined || wanted.includes(nameOf(child.platform))) {
        const image = verifyOnce(run, child);
        image.catch((error: unknown) => failed.abort(error));
        verifying.push(image);
      }
    }
    const images = await Promise.all(verifying);
    return reportOf(images, wanted);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(verifying);
    options.signal?.throwIfAborted();
    throw error;
  }
}

function reportOf(found: readonly VerifiedImage[], wanted: readonly string[] | undefined): VerifyReport {
  const images = found.filter((image) => wanted === undefined || wanted.includes(image.platform));
  const isImage = found.length === 0 || found.some(({ artifact }) => artifact !== true);
  if (!isImage) return { ok: true, images: found };
  for (const platform of wanted ?? []) {
    if (!images.some((image) => image.platform === platform)) {
      images.push(failure(platform, '', { kind: 'missing-blob', found: `no image for ${platform}` }));
    }
  }
  return { ok: images.length > 0 && images.every(({ ok }) => ok), images };
}

interface Run {
  readonly source: ImageSource;
  readonly options: VerifyOptions;
  readonly base: ReadonlySet<string>;
  readonly shared: VerifyRun;
  /** One index may name another one thousands of times, and that the next. */
  readonly indexes: { read: number; tooMany: boolean };
}

/** What leads to a manifest. */
interface Place {
  readonly descriptor: Descriptor;
  readonly annotations: Readonly<Record<string, string>>;
  readonly platform?: Platform | undefined;
}

/** One image's manifest, or why there is none to read. */
interface Child extends Place {
  readonly content: ImageManifest | VerifyProblem;
}

function nameOf(platform: Platform): string {
  return formatPlatform(normalizePlatform(platform));
}

function failure(platform: string, digest: string, ...problems: VerifyProblem[]): VerifiedImage {
  return { platform, digest, ok: false, problems, notes: [] };
}

async function* childrenOf(run: Run, place: Place, depth: number): AsyncGenerator<Child> {
  const { descriptor } = place;
  const parsed = await attempt(descriptor, async () => {
    const bytes = await read(run, descriptor);
    return parseAnyManifest(bytes, descriptor.mediaType, { of: descriptor.digest });
  });
  if (isProblem(parsed)) {
    yield { ...place, content: parsed };
  } else if (parsed.kind === 'manifest') {
    yield {
      ...place,
      annotations: { ...place.annotations, ...parsed.manifest.annotations },
      content: parsed.manifest,
    };
  } else if (depth >= deepestIndex || run.indexes.read >= mostIndexes) {
    run.indexes.tooMany = run.indexes.read >= mostIndexes;
    yield { ...place, content: { kind: 'unverified', found: 'indexes within indexes' } };
  } else {
    const { index } = parsed;
    run.indexes.read += 1;
    for (const entry of index.manifests) {
      if (run.indexes.tooMany) return;
      if (!isAttestation(entry) && (isIndexType(entry.mediaType) || isWanted(run, entry))) {
        const annotations = { ...place.annotations, ...index.annotations, ...entry.annotations };
        yield* childrenOf(run, { descriptor: entry, annotations, platform: entry.platform }, depth + 1);
      }
    }
  }
}

function read(run: Run, descriptor: Descriptor): Promise<Buffer> {
  return run.shared.limited(() => readDocument(run.source, descriptor, run.options));
}

/** Children of other platforms than the wanted ones are not even fetched. */
function isWanted(run: Run, entry: Descriptor): boolean {
  const { platform } = entry;
  const wanted = run.options.platforms;
  return (
    wanted === undefined || platform === undefined || wanted.some((one) => nameOf(one) === nameOf(platform))
  );
}

/** The same image under several names is judged once. */
function verifyOnce(run: Run, child: Child): Promise<VerifiedImage> {
  const entry = child.platform === undefined ? '' : nameOf(child.platform);
  const { [baseDigestAnnotation]: digest = '', [baseNameAnnotation]: name = '' } = child.annotations;
  return run.shared.once([child.descriptor.digest, entry, digest, name].join(' '), () =>
    verifyChild(run, child),
  );
}

async function verifyChild(run: Run, child: Child): Promise<VerifiedImage> {
  const { descriptor, content, annotations } = child;
  const entryName = child.platform === undefined ? 'unknown' : nameOf(child.platform);
  if (isProblem(content)) {
    return failure(entryName, descriptor.digest, content);
  }
  if (!isConfigType(content.config.mediaType)) {
    return artifact(entryName, descriptor, content.artifactType ?? content.config.mediaType);
  }
  const config = await attempt(content.config, async () => {
    const bytes = await read(run, content.config);
    if (!content.layers.some(({ mediaType }) => isLayerType(mediaType)) && !statesPlatform(bytes)) {
      return { artifact: content.layers[0]?.mediaType ?? content.config.mediaType };
    }
    return parseImageConfig(bytes, { of: descriptor.digest });
  });
  if (isProblem(config)) {
    return failure(entryName, descriptor.digest, config);
  }
  if (!isConfig(config)) {
    return artifact(entryName, descriptor, config.artifact);
  }
  const platform = child.platform ?? configPlatform(config);
  if (platform.os === '' || platform.architecture === '') {
    const expected = 'os and architecture';
    return failure(entryName, descriptor.digest, { kind: 'config-platform', found: 'no platform', expected });
  }
  const found = await run.options.baseOf?.({ platform: normalizePlatform(platform), annotations });
  const base = new Set([...run.base, ...(found?.layers ?? [])]);
  const own = await scanLayers(run, content.layers, base, (layer) => !base.has(layer.digest));
  let verdict = judgeImage({ platform: child.platform, config, layers: own.layers });
  let missing = own.problems;
  if (verdict.needsBase) {
    const all = await scanLayers(run, content.layers, base, () => true);
    verdict = judgeImage({ platform: child.platform, config, layers: all.layers });
    missing = all.problems;
  }
  // A layer that failed to be read is told once, with the reason that reading it gave.
  const told = new Set(missing.map(({ layer }) => layer));
  const problems = [
    ...missing,
    ...verdict.problems.filter((one) => one.kind !== 'unverified' || !told.has(one.layer)),
  ];
  const notes = found?.note === undefined ? verdict.notes : [found.note, ...verdict.notes];
  return {
    platform: nameOf(platform),
    digest: descriptor.digest,
    ok: problems.length === 0,
    problems,
    notes,
  };
}

function artifact(platform: string, { digest }: Descriptor, found: string): VerifiedImage {
  const note: VerifyNote = { kind: 'not-judged', found, why: 'an artifact, no image' };
  return { platform, digest, ok: true, artifact: true, problems: [], notes: [note] };
}

function isConfig(config: ImageConfig | { readonly artifact: string }): config is ImageConfig {
  return 'rootfs' in config;
}

/** Signatures and attestations borrow the media type of configs, with nothing in them. */
function statesPlatform(config: Buffer): boolean {
  try {
    const fields: unknown = JSON.parse(config.toString('utf8'));
    return (
      typeof fields !== 'object' || fields === null || Object.values(platformFields(fields)).some(Boolean)
    );
  } catch {
    return true;
  }
}

function platformFields({
  os,
  architecture,
}: {
  readonly os?: unknown;
  readonly architecture?: unknown;
}): object {
  return { os, architecture };
}
