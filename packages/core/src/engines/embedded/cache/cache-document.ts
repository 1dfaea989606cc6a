import { MabuildError } from '@mabuild/oci';

/** What tells a build's cache from an image. */
export const cacheTypes = {
  artifact: 'application/vnd.mabuild.cache.v1',
  config: 'application/vnd.mabuild.cache.config.v1+json',
} as const;

/** The layer of a step, as it lies in a cache that is kept elsewhere. */
export interface CachedLayer {
  readonly digest: string;
  /** Bytes of the blob. */
  readonly size: number;
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  /** ISO 8601. */
  readonly created?: string | undefined;
}

/** What one step made. */
export interface CacheRecord {
  /** RUN; COPY and WORKDIR by what they stand on and take; a layer by the files in it. */
  readonly kind: 'run' | 'step' | 'step-layer';
  /** Digest of everything that went into it, hex. */
  readonly key: string;
  /** Of a layer that was written: a digest of all but its files' contents, hex. */
  readonly outline?: string | undefined;
  /** `null` when nothing was changed. */
  readonly layer: CachedLayer | null;
}

const longestList = 100_000;
const hex = /^[0-9a-f]{64}$/;
const digest = /^sha256:[0-9a-f]{64}$/;
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

/** Writes records as the config of a cache's manifest: the same records give the same bytes. */
export function cacheDocument(records: readonly CacheRecord[]): Buffer {
  const sorted = [...records].sort((a, b) => (a.kind + a.key < b.kind + b.key ? -1 : 1));
  const written = sorted.map(({ kind, key, outline, layer }) => ({
    ...{ kind, key, ...(outline === undefined ? {} : { outline }) },
    layer: layer && {
      ...{ digest: layer.digest, size: layer.size, diffId: layer.diffId },
      ...(layer.created === undefined ? {} : { created: layer.created }),
    },
  }));
  return Buffer.from(JSON.stringify({ version: 1, records: written }));
}

/**
 * Reads what somebody else may have written; nothing of it is a path, a URL or a program.
 * @param blobs digests and sizes of the blobs that are there
 * @throws MabuildError `CACHE_INVALID`
 */
export function parseCacheDocument(
  bytes: Uint8Array,
  blobs: ReadonlyMap<string, number>,
): readonly CacheRecord[] {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw cacheInvalid('its records are no JSON');
  }
  const { version, records } = fieldsOf(document, 'its document');
  if (version !== 1) throw cacheInvalid(`version ${JSON.stringify(version)} of its format is unknown`);
  if (!Array.isArray(records) || records.length > longestList)
    throw cacheInvalid('it has no list of records');
  return records.map((value, index) => recordOf(value, `record ${index}`, blobs));
}

/** The error of a cache that is not to be used. */
export function cacheInvalid(why: string, cause?: unknown): MabuildError {
  return new MabuildError(`reading a build cache: ${why}`, {
    code: 'CACHE_INVALID',
    hint: 'leave out that --cache-from, or write the cache again with --cache-to',
    cause,
  });
}

function recordOf(value: unknown, name: string, blobs: ReadonlyMap<string, number>): CacheRecord {
  const { kind, key, outline, layer } = fieldsOf(value, name);
  if (kind !== 'run' && kind !== 'step' && kind !== 'step-layer')
    throw cacheInvalid(`${name} is of no kind that is known`);
  if (typeof key !== 'string' || !hex.test(key)) throw cacheInvalid(`${name} has no key`);
  if (kind !== 'step-layer') return { kind, key, layer: layer === null ? null : layerOf(layer, name, blobs) };
  if (typeof outline !== 'string' || !hex.test(outline)) throw cacheInvalid(`${name} has no outline`);
  return { kind, key, outline, layer: layerOf(layer, name, blobs) };
}

function layerOf(value: unknown, name: string, blobs: ReadonlyMap<string, number>): CachedLayer {
  const found = fieldsOf(value, `the layer of ${name}`);
  const { size, created } = found;
  if (!isDigest(found.digest) || !isDigest(found.diffId)) throw cacheInvalid(`${name} names no layer`);
  if (blobs.get(found.digest) !== size)
    throw cacheInvalid(`${name} names a layer that its manifest does not`);
  if (created !== undefined && (typeof created !== 'string' || !time.test(created)))
    throw cacheInvalid(`${name} has no time`);
  return { digest: found.digest, diffId: found.diffId, size: size as number, created };
}

function isDigest(value: unknown): value is string {
  return typeof value === 'string' && digest.test(value);
}

function fieldsOf(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw cacheInvalid(`${name} is no object`);
}
