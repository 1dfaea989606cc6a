import {
  type CallOptions,
  choosePlatform,
  configPlatform,
  type Descriptor,
  formatPlatform,
  formatReference,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  type ImageReference,
  type ImageResolver,
  type ImageSource,
  isAttestation,
  isIndexType,
  isMabuildError,
  MabuildError,
  normalizePlatform,
  type Platform,
  parseImageConfig,
  parseImageIndex,
  parseImageManifest,
  platformSatisfies,
  readDocument,
  type SourceLocation,
} from '@mabuild/oci';

/** An image that a Dockerfile stands on or copies from, wanted for one platform. */
export interface WantedBase {
  readonly reference: ImageReference;
  readonly platform: Platform;
  /** FROM, COPY --from or RUN --mount=from. */
  readonly use: 'from' | 'copy' | 'mount';
  /** Where the user's file names it. */
  readonly location: SourceLocation;
}

/** A base as the registry has it, for one platform. */
export interface ResolvedBase extends WantedBase {
  /** The index or manifest that the name stands for. */
  readonly root: Descriptor;
  readonly manifestDescriptor: Descriptor;
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
  /** Reads any of the base's blobs. */
  readonly source: ImageSource;
  /** Set when a lower variant of the same architecture was taken. */
  readonly substitute?: Platform;
}

export interface ResolveBasesOptions extends CallOptions {
  readonly resolver: ImageResolver;
  /** Names a tag that has the platform, when one is known. */
  readonly suggest?: ((reference: ImageReference, platform: Platform) => string | undefined) | undefined;
  /** Asked for an image that no registry gives: does the engine have it? It is then used as it is. */
  readonly isLocal?: ((base: WantedBase) => Promise<boolean>) | undefined;
}

/**
 * Asks for every wanted base before anything is built; each name and each document is fetched once.
 *
 * @returns in the order asked; `undefined` for an image that only the engine has
 * @throws MabuildError `BASE_PLATFORM_MISSING` with the line of the first base that lacks its platform;
 *   `BASE_NOT_FOUND` when there is no such image.
 */
export async function resolveBases(
  wanted: readonly WantedBase[],
  options: ResolveBasesOptions,
): Promise<readonly (ResolvedBase | undefined)[]> {
  const roots = new Map<string, Promise<Root>>();
  const results = await Promise.allSettled(
    wanted.map(async (base) => {
      const name = formatReference(base.reference);
      const root = roots.get(name) ?? resolveRoot(base, options);
      roots.set(name, root);
      try {
        return await resolveForPlatform(base, await root, options);
      } catch (error) {
        options.signal?.throwIfAborted();
        if (await options.isLocal?.(base)) return undefined;
        throw error;
      }
    }),
  );
  options.signal?.throwIfAborted();
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

interface Root {
  readonly source: ImageSource;
  readonly index?: ImageIndex;
}

async function resolveRoot(base: WantedBase, options: ResolveBasesOptions): Promise<Root> {
  try {
    const source = await options.resolver.resolve(base.reference, options);
    if (!isIndexType(source.root.mediaType)) return { source };
    return { source, index: parseImageIndex(await readDocument(source, source.root, options)) };
  } catch (error) {
    if (!isMabuildError(error)) throw error;
    const missing = error.code === 'IMAGE_NOT_FOUND';
    throw new MabuildError(`resolving base image ${formatReference(base.reference)}: ${error.message}`, {
      code: missing ? 'BASE_NOT_FOUND' : error.code,
      hint: missing ? 'check the spelling; a private image needs `docker login` to its registry' : error.hint,
      location: base.location,
      cause: error,
    });
  }
}

async function resolveForPlatform(
  base: WantedBase,
  { source, index }: Root,
  options: ResolveBasesOptions,
): Promise<ResolvedBase> {
  const entry = index ? chooseEntry(index, base.platform) : { descriptor: source.root };
  if (!entry) throw platformMissing(base, listed(index), options);
  const manifestDescriptor = entry.descriptor;
  const manifest = parseImageManifest(await readDocument(source, manifestDescriptor, options));
  const config = parseImageConfig(await readDocument(source, manifest.config, options));
  const actual = normalizePlatform(configPlatform(config));
  // An index entry may lie, and a plain manifest has no entry: the config says what the image is.
  if (!sameArchitecture(actual, base.platform) || (!index && !platformSatisfies(actual, base.platform))) {
    throw platformMissing(base, [actual], options);
  }
  return {
    ...base,
    root: source.root,
    manifestDescriptor,
    manifest,
    config,
    source,
    ...('substitute' in entry && entry.substitute ? { substitute: entry.substitute } : {}),
  };
}

function chooseEntry(
  index: ImageIndex,
  platform: Platform,
): { descriptor: Descriptor; substitute?: Platform } | undefined {
  const platforms = index.manifests.map((entry) => (isAttestation(entry) ? undefined : entry.platform));
  const exact = choosePlatform(platforms, platform, { strict: true });
  if (exact !== undefined) return { descriptor: index.manifests[exact]! };
  // A lower variant of the same architecture runs there; another architecture is no base, whatever a host accepts.
  const lower = choosePlatform(
    platforms.map((entry) => (entry && sameArchitecture(entry, platform) ? entry : undefined)),
    platform,
  );
  if (lower === undefined) return undefined;
  const descriptor = index.manifests[lower]!;
  return { descriptor, substitute: normalizePlatform(descriptor.platform!) };
}

function sameArchitecture(a: Platform, b: Platform): boolean {
  return normalizePlatform(a).architecture === normalizePlatform(b).architecture && a.os === b.os;
}

function listed(index: ImageIndex | undefined): readonly Platform[] {
  return (index?.manifests ?? [])
    .map((entry) => entry.platform)
    .filter((platform) => platform !== undefined && platform.os !== 'unknown') as Platform[];
}

function platformMissing(
  base: WantedBase,
  has: readonly Platform[],
  options: ResolveBasesOptions,
): MabuildError {
  const name = formatReference(base.reference);
  const platform = formatPlatform(base.platform);
  const suggestion = options.suggest?.(base.reference, base.platform);
  const names = [...new Set(has.map((entry) => formatPlatform(entry)))].join(', ');
  return new MabuildError(`${name} has no image for ${platform}`, {
    code: 'BASE_PLATFORM_MISSING',
    hint: suggestion
      ? `${suggestion} lists ${platform}`
      : `it lists ${names || 'no platform'}; choose another base or leave ${platform} out`,
    location: base.location,
  });
}
