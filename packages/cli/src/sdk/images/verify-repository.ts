import { setMaxListeners } from 'node:events';
import {
  formatReference,
  type ImageReference,
  type ImageSource,
  isMabuildError,
  type VerifiedImage,
  type VerifyReport,
  verifyImage,
  verifyRun,
} from '@mabuild/oci';
import { readPlatforms } from '../platforms.ts';
import type { SdkOptions } from '../toolbox.ts';
import { baseLookup, layerFinder } from './base-layers.ts';
import { parseRepository } from './references.ts';
import { strictly, type VerifyRequest } from './verify.ts';
import { withRegistry } from './with-reference.ts';

export interface VerifyRepositoryRequest extends Omit<VerifyRequest, 'reference'> {
  /** Without a tag, e.g. `ghcr.io/me/app`. */
  readonly repository: string;
}

/** What a tag stands for, and whether that is what it says. */
export interface VerifiedTag {
  readonly tag: string;
  /** Empty where the registry lists the tag and has no manifest for it. */
  readonly digest: string;
  readonly ok: boolean;
  /** Images of the index, or the only one; other tags of the same digest share them. */
  readonly images: readonly VerifiedImage[];
}

export interface RepositoryReport {
  readonly repository: string;
  /** Whether no tag lies. */
  readonly ok: boolean;
  /** In the order of their characters' numbers. */
  readonly tags: readonly VerifiedTag[];
}

export interface VerifyRepositoryOptions extends SdkOptions {
  /** Called for each tag as soon as it and those before it are verified. */
  readonly onTag?: ((tag: VerifiedTag) => void) | undefined;
}

const defaultJobs = 6;

/**
 * Checks that every tag of a repository is what it says; a manifest with several tags, and a layer of several images, is
 * read once. Charts, signatures and other artifacts are passed over.
 * @throws MabuildError `REPOSITORY_NOT_FOUND`, `INVALID_REFERENCE`, `REGISTRY_…`; a lying image is a report, no error
 */
export async function verifyRepository(
  request: VerifyRepositoryRequest,
  options: VerifyRepositoryOptions = {},
): Promise<RepositoryReport> {
  const repository = parseRepository(request.repository);
  const { jobs = defaultJobs } = request;
  const platforms = request.platforms && readPlatforms(request.platforms);
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  // Every read listens to it.
  setMaxListeners(0, signal);
  return withRegistry(options, async (registry) => {
    const names: string[] = [];
    for await (const name of registry.tags(repository, { signal })) names.push(name);
    names.sort();
    const shared = verifyRun({ jobs });
    const baseOf = baseLookup(
      { host: repository.registry, base: request.base, registry: async () => registry },
      { ...options, signal },
    );
    const find = layerFinder(repository, async () => registry, { ...options, signal });
    const judge = (source: ImageSource): Promise<VerifyReport> =>
      shared.once(source.root.digest, async () => {
        const report = await verifyImage(source, { platforms, baseOf, find, run: shared, signal });
        return request.strict === true ? strictly(report) : report;
      });
    const verifyTag = async (tag: string): Promise<VerifiedTag> => {
      const found = await resolveTag({ ...repository, tag }, (reference) =>
        shared.limited(() => registry.resolve(reference, { signal })),
      );
      if (!('root' in found)) return { tag, digest: '', ok: false, images: [found] };
      const { images } = await judge(found);
      return { tag, digest: found.root.digest, ok: images.every(({ ok }) => ok), images };
    };
    const verifying = inTurn(names, jobs, verifyTag);
    try {
      const tags: VerifiedTag[] = [];
      for (const one of verifying) {
        const tag = await one;
        tags.push(tag);
        options.onTag?.(tag);
      }
      return { repository: formatReference(repository), ok: tags.every(({ ok }) => ok), tags };
    } catch (error) {
      failed.abort(error);
      await Promise.allSettled(verifying);
      options.signal?.throwIfAborted();
      throw error;
    }
  });
}

/** Begins with the first `jobs`, and with each next one when one is done. */
function inTurn<T>(names: readonly string[], jobs: number, work: (name: string) => Promise<T>): Promise<T>[] {
  const running: Promise<T>[] = [];
  for (const [index, name] of names.entries()) {
    const before = running[index - jobs];
    const begun = before === undefined ? work(name) : before.then(() => work(name));
    begun.catch(() => undefined);
    running.push(begun);
  }
  return running;
}

const unreadable: ReadonlySet<string> = new Set([
  'UNSUPPORTED_MANIFEST',
  'INVALID_MANIFEST',
  'INVALID_INDEX',
  // The name itself may be none.
  'INVALID_REFERENCE',
]);

/** Registries list tags whose manifest somebody deleted, and manifests that nobody can read any more. */
async function resolveTag(
  reference: ImageReference,
  resolve: (reference: ImageReference) => Promise<ImageSource>,
): Promise<ImageSource | VerifiedImage> {
  try {
    return await resolve(reference);
  } catch (error) {
    if (!isMabuildError(error)) throw error;
    const problem =
      error.code === 'IMAGE_NOT_FOUND'
        ? ({ kind: 'missing-blob', found: 'nothing', expected: 'a manifest' } as const)
        : ({ kind: 'unverified', found: error.message } as const);
    if (problem.kind === 'unverified' && !unreadable.has(error.code)) throw error;
    return { platform: 'unknown', digest: '', ok: false, problems: [problem], notes: [] };
  }
}
