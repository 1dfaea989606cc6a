import { resolve } from 'node:path';
import {
  attestationSubject,
  type Descriptor,
  type ImageSource,
  imagesFor,
  isImageEntry,
  isMabuildError,
  joinSources,
  type LayerFacts,
  MabuildError,
  type Platform,
  platformKey,
  referenceName,
  type VerifyReport,
  verifyImage,
} from '@mabuild/oci';
import { parseTag } from '../build/publish.ts';
import { verificationFailed } from '../build/verification.ts';
import { parseLocation } from '../images/image-location.ts';
import { type Locations, withLocations } from '../images/locations.ts';
import { readPlatforms } from '../platforms.ts';
import { withToolbox } from '../toolbox.ts';
import {
  documentOf,
  type IndexOptions,
  type IndexWriteRequest,
  openTargets,
  writeAll,
} from './create-index.ts';
import { type NotedImage, readDigestFiles } from './digest-files.ts';
import { describeResult, type IndexResult } from './index-result.ts';
import { type OpenedSources, openIndexSources } from './index-sources.ts';

export interface MergeRequest extends IndexWriteRequest {
  /** References to write, or `oci:DIR[:TAG]`. */
  readonly tags: readonly [string, ...string[]];
  /** Folder with what every runner noted of its push by digest. */
  readonly directory: string;
  /** Where digests that were noted without a name were pushed to. @default the first tag's repository */
  readonly repository?: string | undefined;
  /** @default 'keep' */
  readonly attestations?: 'keep' | 'drop' | undefined;
  /** Annotations of the index. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Platforms that must have come. @default none */
  readonly require?: readonly (string | Platform)[] | undefined;
  /** @default true */
  readonly verify?: boolean | undefined;
}

/**
 * Joins what several runners pushed by digest in one index, in the order of the platforms' names.
 *
 * What was pushed to another repository or registry is mounted or copied. Everything is written first, the index by its
 * digest, then read back from the registry and verified to the last layer, and only then named by the tags.
 * @throws MabuildError `DIGEST_FILE_INVALID`, `FILE_NOT_FOUND`, `IMAGE_NOT_FOUND`, `DUPLICATE_PLATFORM`,
 *   `PLATFORM_MISSING`, `VERIFICATION_FAILED`, `REGISTRY_TAG_MOVED`
 */
export async function mergeDigests(request: MergeRequest, options: IndexOptions = {}): Promise<IndexResult> {
  for (const tag of request.tags) parseLocation(tag);
  return withToolbox(options, (toolbox) =>
    withLocations(toolbox, options, async (locations) => {
      const { memory, environment } = toolbox;
      const noted = await readDigestFiles(resolve(environment.workingDirectory, request.directory), {
        repository: request.repository ?? repositoryOf(request.tags[0]),
        signal: options.signal,
      });
      const targets = await openTargets(request.tags, locations, { ...options, memory });
      const opened = await openNoted(noted, locations, request, options);
      const source = joinSources(documentOf(opened, request), opened.parts);
      if (request.dryRun) return describeResult(source, []);
      const references = await writeAll(targets, source, options, verifier(request, options));
      return describeResult(source, references);
    }),
  );
}

function repositoryOf(tag: string): string | undefined {
  const location = parseLocation(tag);
  return location.kind === 'registry' ? referenceName(parseTag(tag)) : undefined;
}

/** Opens the images, and puts them in an order that does not depend on which runner was first. */
async function openNoted(
  noted: readonly NotedImage[],
  locations: Locations,
  request: MergeRequest,
  options: IndexOptions,
): Promise<OpenedSources> {
  const opened = await Promise.all(
    noted.map(({ reference, file }) =>
      ofFile(file, () =>
        openIndexSources([{ location: reference }], locations, {
          attestations: request.attestations,
          verify: request.verify,
          signal: options.signal,
        }),
      ),
    ),
  );
  checkDuplicates(opened, noted);
  const entries = opened.flatMap((one) => one.entries);
  for (const platform of readPlatforms(request.require ?? [])) imagesFor({ manifests: entries }, platform);
  const order = (entry: Descriptor): string =>
    `${attestationSubject(entry) === undefined ? 0 : 1} ${entry.platform ? platformKey(entry.platform) : ''} ${attestationSubject(entry) ?? ''} ${entry.digest}`;
  const sorted = [...entries].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return { parts: opened.flatMap(({ parts }) => parts), entries: sorted };
}

/** Says of two images for one platform which files they are from. */
function checkDuplicates(opened: readonly OpenedSources[], noted: readonly NotedImage[]): void {
  const seen = new Map<string, { readonly digest: string; readonly file: string }>();
  for (const [at, { entries }] of opened.entries()) {
    const file = noted[at]?.file ?? '';
    for (const { platform, digest } of entries.filter(isImageEntry)) {
      const other = seen.get(platformKey(platform));
      seen.set(platformKey(platform), { digest, file });
      if (!other || other.digest === digest) continue;
      const files = other.file === file ? file : `${other.file} and ${file}`;
      throw new MabuildError(
        `${files}: ${platformKey(platform)} is there twice, as ${other.digest} and ${digest}`,
        { code: 'DUPLICATE_PLATFORM', hint: 'each platform is built by one runner; take the old file away' },
      );
    }
  }
}

async function ofFile<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isMabuildError(error)) throw error;
    throw new MabuildError(`${file}: ${error.message}`, { code: error.code, hint: error.hint, cause: error });
  }
}

/** Verifies what was written as the registry gives it back, each layer once for all repositories. */
function verifier(
  request: MergeRequest,
  options: IndexOptions,
): ((written: ImageSource) => Promise<void>) | undefined {
  if (request.verify === false) return undefined;
  const layers = new Map<string, LayerFacts>();
  return async (written) => {
    const report: VerifyReport = await verifyImage(written, {
      remembered: {
        get: async (digest) => layers.get(digest),
        set: async (digest, facts) => void layers.set(digest, facts),
      },
      signal: options.signal,
    });
    if (!report.ok) throw verificationFailed(request.tags[0], report);
  };
}
