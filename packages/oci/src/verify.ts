import type { Descriptor } from './descriptor.ts';
import { isMabuildError } from './error.ts';
import type { CallOptions, ImageSource } from './image-source.ts';
import { type JudgedLayer, judgeImage, type VerifyNote, type VerifyProblem } from './judge-image.ts';
import { isLayerFacts, type LayerFacts } from './layer-facts.ts';
import { configPlatform, type ImageManifest, isAttestation } from './manifest.ts';
import { isConfigType, isIndexType } from './media-type.ts';
import { parseAnyManifest, parseImageConfig } from './parse-manifest.ts';
import { formatPlatform, normalizePlatform, type Platform } from './platform.ts';
import { readDocument } from './read-document.ts';
import { scanLayer } from './scan-layer.ts';

/** What was noted of layers before, so that none is read twice. */
export interface RememberedLayers {
  get(digest: string): Promise<LayerFacts | undefined>;
  set(digest: string, facts: LayerFacts): Promise<void>;
}

export interface VerifyOptions extends CallOptions {
  /** Verify these platforms only; one that the image lacks is a problem. Default: all that it has. */
  readonly platforms?: readonly Platform[] | undefined;
  /** Digests of layers that are the base's own: their programs are not judged, and they are read only in doubt. */
  readonly baseLayers?: Iterable<string> | undefined;
  readonly remembered?: RememberedLayers | undefined;
}

/** What became of one image of an index, or of the only one. */
export interface VerifiedImage {
  /** e.g. `linux/arm/v7`. */
  readonly platform: string;
  /** Of its manifest; empty for a platform that the image lacks. */
  readonly digest: string;
  readonly ok: boolean;
  readonly problems: readonly VerifyProblem[];
  readonly notes: readonly VerifyNote[];
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly images: readonly VerifiedImage[];
}

/** Layers that are read at a time. */
const layersAtOnce = 3;
const deepestIndex = 4;

/**
 * Verifies that every image of an index, or a single one, is what it says: all manifests, configs and layers are there,
 * and the platform of the entry, of the config and of the programs in the layers is the same.
 *
 * Attestations are passed over. What cannot be read is a problem, never taken for good.
 * @throws what `source.read` throws, unless it says that content is missing or damaged: that is a problem.
 */
export async function verifyImage(source: ImageSource, options: VerifyOptions = {}): Promise<VerifyReport> {
  const wanted = options.platforms?.map((platform) => formatPlatform(normalizePlatform(platform)));
  const run: Run = { source, options, base: new Set(options.baseLayers ?? []), scans: new Map() };
  const images: VerifiedImage[] = [];
  for await (const child of childrenOf(run, source.root, undefined, 0)) {
    if (child.platform !== undefined && wanted !== undefined && !wanted.includes(nameOf(child.platform))) {
      continue;
    }
    const image = await verifyChild(run, child);
    if (wanted === undefined || wanted.includes(image.platform)) {
      images.push(image);
    }
  }
  for (const platform of wanted ?? []) {
    if (!images.some((image) => image.platform === platform)) {
      images.push(failed(platform, '', { kind: 'missing-blob', found: `no image for ${platform}` }));
    }
  }
  return { ok: images.length > 0 && images.every(({ ok }) => ok), images };
}

interface Run {
  readonly source: ImageSource;
  readonly options: VerifyOptions;
  readonly base: ReadonlySet<string>;
  /** Layers that are read, or were, by digest: children share them. */
  readonly scans: Map<string, Promise<LayerFacts | VerifyProblem>>;
}

/** One image's manifest, or why there is none to read. */
interface Child {
  readonly descriptor: Descriptor;
  readonly platform: Platform | undefined;
  readonly content: ImageManifest | VerifyProblem;
}

function nameOf(platform: Platform): string {
  return formatPlatform(normalizePlatform(platform));
}

function failed(platform: string, digest: string, ...problems: VerifyProblem[]): VerifiedImage {
  return { platform, digest, ok: false, problems, notes: [] };
}

function isProblem(value: object): value is VerifyProblem {
  return 'kind' in value && 'found' in value;
}

async function* childrenOf(
  run: Run,
  descriptor: Descriptor,
  platform: Platform | undefined,
  depth: number,
): AsyncGenerator<Child> {
  const parsed = await attempt(descriptor, async () => {
    const bytes = await readDocument(run.source, descriptor, run.options);
    return parseAnyManifest(bytes, descriptor.mediaType, { of: descriptor.digest });
  });
  if (isProblem(parsed)) {
    yield { descriptor, platform, content: parsed };
  } else if (parsed.kind === 'manifest') {
    yield { descriptor, platform, content: parsed.manifest };
  } else if (depth >= deepestIndex) {
    yield { descriptor, platform, content: { kind: 'unverified', found: 'indexes within indexes' } };
  } else {
    for (const entry of parsed.index.manifests) {
      if (!isAttestation(entry) && (isIndexType(entry.mediaType) || isWanted(run, entry))) {
        yield* childrenOf(run, entry, entry.platform, depth + 1);
      }
    }
  }
}

/** Children of other platforms than the wanted ones are not even fetched. */
function isWanted(run: Run, entry: Descriptor): boolean {
  const { platform } = entry;
  const wanted = run.options.platforms;
  return (
    wanted === undefined || platform === undefined || wanted.some((one) => nameOf(one) === nameOf(platform))
  );
}

async function verifyChild(run: Run, child: Child): Promise<VerifiedImage> {
  const { descriptor, content } = child;
  const entryName = child.platform === undefined ? 'unknown' : nameOf(child.platform);
  if (isProblem(content)) {
    return failed(entryName, descriptor.digest, content);
  }
  if (!isConfigType(content.config.mediaType)) {
    const why = 'an artifact, no image';
    const note: VerifyNote = {
      kind: 'not-judged',
      found: content.artifactType ?? content.config.mediaType,
      why,
    };
    return { platform: entryName, digest: descriptor.digest, ok: true, problems: [], notes: [note] };
  }
  const config = await attempt(content.config, async () => {
    const bytes = await readDocument(run.source, content.config, run.options);
    return parseImageConfig(bytes, { of: descriptor.digest });
  });
  if (isProblem(config)) {
    return failed(entryName, descriptor.digest, config);
  }
  const platform = nameOf(child.platform ?? configPlatform(config));
  const own = await scanLayers(run, content.layers, (layer) => !run.base.has(layer.digest));
  let verdict = judgeImage({ platform: child.platform, config, layers: own.layers });
  let missing = own.problems;
  if (verdict.needsBase) {
    const all = await scanLayers(run, content.layers, () => true);
    verdict = judgeImage({ platform: child.platform, config, layers: all.layers });
    missing = all.problems;
  }
  // A layer that failed to be read is told once, with the reason that reading it gave.
  const told = new Set(missing.map(({ layer }) => layer));
  const problems = [
    ...missing,
    ...verdict.problems.filter((one) => one.kind !== 'unverified' || !told.has(one.layer)),
  ];
  return { platform, digest: descriptor.digest, ok: problems.length === 0, problems, notes: verdict.notes };
}

async function scanLayers(
  run: Run,
  descriptors: readonly Descriptor[],
  isRead: (layer: Descriptor) => boolean,
): Promise<{ readonly layers: JudgedLayer[]; readonly problems: VerifyProblem[] }> {
  const layers: JudgedLayer[] = descriptors.map(({ digest }) => ({ digest, base: run.base.has(digest) }));
  const problems: VerifyProblem[] = [];
  const queue = [...descriptors.entries()].filter(([, layer]) => isRead(layer));
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, descriptor] = next;
      const found = await scanOnce(run, descriptor);
      if (isProblem(found)) {
        problems.push(found);
      } else {
        layers[index] = { digest: descriptor.digest, base: run.base.has(descriptor.digest), facts: found };
      }
    }
  };
  await Promise.all(Array.from({ length: layersAtOnce }, worker));
  return { layers, problems };
}

function scanOnce(run: Run, descriptor: Descriptor): Promise<LayerFacts | VerifyProblem> {
  const known = run.scans.get(descriptor.digest);
  if (known !== undefined) {
    return known;
  }
  const scan = scanOrRemember(run, descriptor);
  run.scans.set(descriptor.digest, scan);
  return scan;
}

async function scanOrRemember(run: Run, descriptor: Descriptor): Promise<LayerFacts | VerifyProblem> {
  const { remembered } = run.options;
  const known = await remembered?.get(descriptor.digest);
  if (isLayerFacts(known)) {
    return known;
  }
  const facts = await attempt(descriptor, async () => {
    const body = await run.source.read(descriptor, { signal: run.options.signal });
    return scanLayer(body, { signal: run.options.signal });
  });
  if (!isProblem(facts) && facts.unreadable === undefined) {
    await remembered?.set(descriptor.digest, facts);
  }
  return facts;
}

const missingCodes: ReadonlySet<string> = new Set([
  'BLOB_NOT_FOUND',
  'MANIFEST_NOT_FOUND',
  'IMAGE_NOT_FOUND',
]);
const damagedCodes: ReadonlySet<string> = new Set([
  'DIGEST_MISMATCH',
  'SIZE_MISMATCH',
  'UNSUPPORTED_DIGEST',
  'UNSUPPORTED_MANIFEST',
  'INVALID_MANIFEST',
  'INVALID_INDEX',
  'INVALID_CONFIG',
  'DOCUMENT_TOO_LARGE',
]);

/** Turns errors about the content itself into problems; what the world refuses (network, abort) is thrown on. */
async function attempt<T extends object>(
  descriptor: Descriptor,
  read: () => Promise<T>,
): Promise<T | VerifyProblem> {
  try {
    return await read();
  } catch (error) {
    if (isMabuildError(error) && missingCodes.has(error.code)) {
      return {
        kind: 'missing-blob',
        layer: descriptor.digest,
        found: 'nothing',
        expected: descriptor.mediaType,
      };
    }
    if (isMabuildError(error) && damagedCodes.has(error.code)) {
      return { kind: 'unverified', layer: descriptor.digest, found: error.message };
    }
    throw error;
  }
}
