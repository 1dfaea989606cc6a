import { setMaxListeners } from 'node:events';
import { Readable } from 'node:stream';
import pLimit, { type LimitFunction } from 'p-limit';
import type { Descriptor } from './descriptor.ts';
import type { PushEvent } from './events.ts';
import type { ImageSink, PutOptions } from './image-sink.ts';
import type { CallOptions, ImageSource } from './image-source.ts';
import { isConfigType, isForeignLayerType, isIndexType, isManifestType } from './media-type.ts';
import { parseImageIndex, parseImageManifest } from './parse-manifest.ts';
import { normalizePlatform, type Platform } from './platform.ts';
import { readDocument } from './read-document.ts';
import { referrerDescriptor } from './referrers.ts';

export interface CopyOptions extends CallOptions {
  /** What to copy. @default the source's root */
  readonly root?: Descriptor | undefined;
  /** Names that point at the root when everything is there. @default none */
  readonly tags?: readonly string[] | undefined;
  /** Requests at a time. @default 8 */
  readonly jobs?: number | undefined;
  /** Copy what names the images as its subject too: signatures, SBOMs, attestations. @default false */
  readonly referrers?: boolean | undefined;
  readonly onEvent?: ((event: PushEvent) => void) | undefined;
  /** Blobs by digest that are copied to the same sink already, or were: what is copied now is added. @default none */
  readonly underway?: Map<string, Promise<void>> | undefined;
}

/** Bytes of a blob after which it is told how far it is. */
const toldEvery = 512 * 1024;

/** One of several images of a source. */
export interface CopyItem {
  readonly root: Descriptor;
  readonly tags: readonly string[];
}

/**
 * Copies an image or an index from any source to any sink, digests unchanged.
 *
 * What the sink has is not sent, what it can mount is mounted; blobs go before the manifest that names them, manifests
 * before their index, tags last. When every tag points at the root already, one question a tag is all that is asked.
 * @throws what source and sink throw; the first failure stops the rest
 */
export async function copyImage(
  source: ImageSource,
  sink: ImageSink,
  options: CopyOptions = {},
): Promise<Descriptor> {
  const root = options.root ?? source.root;
  await copyImages(source, sink, [{ root, tags: options.tags ?? [] }], options);
  return root;
}

/**
 * Copies several images of a source, as {@link copyImage} does each, with one limit over all.
 * @throws what source and sink throw; the first failure stops the rest
 */
export async function copyImages(
  source: ImageSource,
  sink: ImageSink,
  items: readonly CopyItem[],
  options: Omit<CopyOptions, 'root' | 'tags'> = {},
): Promise<void> {
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  // Every request listens to it.
  setMaxListeners(0, signal);
  signal.throwIfAborted();
  const { onEvent, underway, referrers = false, jobs = 8 } = options;
  const copy = new Copy(source, sink, pLimit(jobs), { signal, onEvent, underway, referrers });
  const oneOfMany = pLimit(jobs);
  try {
    await Promise.all(items.map((item) => oneOfMany(() => copy.item(item))));
  } catch (error) {
    failed.abort(error);
    // Uploads end, or are cancelled at the registry, before the caller hears of the failure.
    await copy.settled();
    options.signal?.throwIfAborted();
    throw error;
  }
}

/**
 * Copies blobs of an image ahead of it: {@link copyImage} with the same `underway` waits for them and copies the rest.
 * @returns when each is copied or has failed
 */
export async function copyBlobs(
  source: ImageSource,
  sink: ImageSink,
  blobs: readonly Descriptor[],
  options: Omit<CopyOptions, 'root' | 'tags' | 'referrers'> & {
    readonly signal: AbortSignal;
    readonly underway: Map<string, Promise<void>>;
  },
): Promise<void> {
  const { signal, onEvent, underway, jobs = 8 } = options;
  const copy = new Copy(source, sink, pLimit(jobs), { signal, onEvent, underway, referrers: false });
  await Promise.all(
    blobs.map((blob) =>
      // Whoever needs it tries again.
      copy.blob(blob, source.root.platform).catch(() => void underway.delete(blob.digest)),
    ),
  );
}

async function allTagged(
  sink: ImageSink,
  tags: readonly string[],
  root: Descriptor,
  signal: AbortSignal,
): Promise<boolean> {
  if (!sink.tagged) return false;
  for (const tag of tags) if (!(await sink.tagged(tag, root, { signal }))) return false;
  return true;
}

interface WalkOptions extends CallOptions {
  readonly signal: AbortSignal;
  readonly onEvent: ((event: PushEvent) => void) | undefined;
  readonly referrers: boolean;
  readonly underway: Map<string, Promise<void>> | undefined;
}

/** One walk from roots to their blobs; what is met twice is copied once. */
class Copy {
  readonly #source: ImageSource;
  readonly #sink: ImageSink;
  readonly #limit: LimitFunction;
  readonly #options: WalkOptions;
  readonly #running: Map<string, Promise<void>>;
  /** Manifests whose referrers were looked for. */
  readonly #subjects = new Set<string>();

  constructor(source: ImageSource, sink: ImageSink, limit: LimitFunction, options: WalkOptions) {
    this.#source = source;
    this.#sink = sink;
    this.#limit = limit;
    this.#options = options;
    this.#running = options.underway ?? new Map();
  }

  async item({ root, tags }: CopyItem): Promise<void> {
    const { signal } = this.#options;
    if (tags.length > 0 && (await allTagged(this.#sink, tags, root, signal))) {
      this.#tell({ type: 'blob', descriptor: root, state: 'exists', bytes: 0, ...platformOf(root.platform) });
      if (this.#options.referrers) await this.#referrersBelow(root);
      return;
    }
    const bytes = await this.contents(root, root.platform);
    if (tags.length === 0) await this.putManifest(root, bytes, root.platform);
    for (const tag of tags) {
      await this.#sink.tag(tag, root, {
        signal,
        open: async () => Readable.from([bytes], { objectMode: false }),
      });
    }
    if (this.#options.referrers) await this.#referrersBelow(root);
  }

  /** Copies what a manifest or index points at, and gives its bytes. */
  async contents(descriptor: Descriptor, platform: Platform | undefined): Promise<Buffer> {
    const bytes = await readDocument(this.#source, descriptor, this.#options);
    if (isIndexType(descriptor.mediaType)) {
      const { manifests } = parseImageIndex(bytes);
      await Promise.all(manifests.map((child) => this.#once(child, () => this.#child(child))));
    } else if (isManifestType(descriptor.mediaType)) {
      const { config, layers } = parseImageManifest(bytes);
      const blobs = [...layers.filter((layer) => !isForeignLayerType(layer.mediaType)), config];
      await Promise.all(blobs.map((blob) => this.blob(blob, platform)));
    }
    return bytes;
  }

  /** Copies a blob that is met for the first time. */
  blob(descriptor: Descriptor, platform: Platform | undefined): Promise<void> {
    return this.#once(descriptor, () => this.#blob(descriptor, platform));
  }

  async putManifest(descriptor: Descriptor, bytes: Buffer, platform: Platform | undefined): Promise<void> {
    await this.#limit(() =>
      this.#sink.put(descriptor, async () => Readable.from([bytes], { objectMode: false }), this.#options),
    );
    this.#tell({ type: 'blob', descriptor, state: 'sent', bytes: bytes.length, ...platformOf(platform) });
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  #once(descriptor: Descriptor, work: () => Promise<void>): Promise<void> {
    const running = this.#running.get(descriptor.digest) ?? work();
    this.#running.set(descriptor.digest, running);
    return running;
  }

  async #child(child: Descriptor): Promise<void> {
    if (await this.#limit(() => this.#sink.has(child, this.#options))) {
      this.#tell({
        type: 'blob',
        descriptor: child,
        state: 'exists',
        bytes: 0,
        ...platformOf(child.platform),
      });
      return;
    }
    await this.putManifest(child, await this.contents(child, child.platform), child.platform);
  }

  /** Copies what names a manifest, or an image of an index, as its subject, and what names that. */
  async #referrersBelow(descriptor: Descriptor): Promise<void> {
    if (this.#subjects.has(descriptor.digest) || !this.#source.referrers) return;
    this.#subjects.add(descriptor.digest);
    const isIndex = isIndexType(descriptor.mediaType);
    if (!isIndex && !isManifestType(descriptor.mediaType)) return;
    const found = await this.#limit(() => this.#source.referrers?.(descriptor, this.#options) ?? []);
    const described = await Promise.all(
      found.map(async (referrer) => {
        const bytes = await readDocument(this.#source, referrer, this.#options);
        await this.#once(referrer, () => this.#child(referrer));
        await this.#referrersBelow(referrer);
        return referrerDescriptor(referrer, bytes);
      }),
    );
    if (described.length > 0) await this.#sink.refer?.(descriptor, described, this.#options);
    if (!isIndex) return;
    const { manifests } = parseImageIndex(await readDocument(this.#source, descriptor, this.#options));
    await Promise.all(manifests.map((child) => this.#referrersBelow(child)));
  }

  async #blob(descriptor: Descriptor, platform: Platform | undefined): Promise<void> {
    await this.#limit(async () => {
      this.#options.signal?.throwIfAborted();
      const about = { type: 'blob', descriptor, ...platformOf(platform) } as const;
      // A mount costs no more than the question whether it is needed.
      const from = await this.#source.mountableFrom?.(descriptor);
      if (from && (await this.#sink.mount?.(descriptor, from, this.#options))) {
        this.#tell({ ...about, state: 'mounted', bytes: 0 });
        return;
      }
      if (!this.#isNews(descriptor) && (await this.#sink.has(descriptor, this.#options))) {
        this.#tell({ ...about, state: 'exists', bytes: 0 });
        return;
      }
      let mounted = false;
      let told = 0;
      const options: PutOptions = {
        ...this.#options,
        onBytes: (bytes) => {
          if (bytes < told + toldEvery && bytes < descriptor.size) return;
          told = bytes;
          this.#tell({ ...about, state: 'sending', bytes });
        },
        onMounted: () => {
          mounted = true;
        },
      };
      const reading = { ...this.#options, unverified: this.#sink.verifies };
      try {
        await this.#sink.put(descriptor, () => this.#source.read(descriptor, reading), options);
      } catch (error) {
        if (reading.unverified === true && !this.#options.signal.aborted) {
          await this.#blame(descriptor, error);
        }
        throw error;
      }
      this.#tell({
        ...about,
        ...(mounted ? { state: 'mounted', bytes: 0 } : { state: 'sent', bytes: descriptor.size }),
      });
    });
  }

  /**
   * Where a sink refuses bytes that nobody else verified, the source is to say whether they are its fault.
   * @throws MabuildError `DIGEST_MISMATCH`, `SIZE_MISMATCH` when they are.
   */
  async #blame(descriptor: Descriptor, error: unknown): Promise<void> {
    if ((error as { registryCode?: unknown } | null)?.registryCode !== 'DIGEST_INVALID') return;
    for await (const _ of await this.#source.read(descriptor, this.#options)) {
      // Its end is what counts.
    }
  }

  /** The config of an image whose manifest is not there is hardly there itself. */
  #isNews({ mediaType, size }: Descriptor): boolean {
    return this.#sink.remote === true && isConfigType(mediaType) && size <= 65_536;
  }

  #tell(event: PushEvent): void {
    this.#options.onEvent?.(event);
  }
}

function platformOf(platform: Platform | undefined): { platform?: Platform } {
  return platform ? { platform: normalizePlatform(platform) } : {};
}
