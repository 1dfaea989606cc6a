import type { Descriptor } from '../descriptor.ts';
import type { ImageSource } from '../image-source.ts';
import { type ImageManifest, isAttestation } from '../manifest.ts';
import { isIndexType } from '../media-type.ts';
import { parseAnyManifest } from '../parse-manifest.ts';
import { formatPlatform, normalizePlatform, type Platform } from '../platform.ts';
import { readDocument } from '../read-document.ts';
import { attempt, isProblem } from './content-problem.ts';
import type { VerifyProblem } from './verdict.ts';
import type { VerifyOptions } from './verify-options.ts';
import type { VerifyRun } from './verify-run.ts';

const deepestIndex = 4;
const mostIndexes = 100;

/** One {@link verifyImage} under way. */
export interface Verification {
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
export interface Child extends Place {
  readonly content: ImageManifest | VerifyProblem;
}

export function nameOf(platform: Platform): string {
  return formatPlatform(normalizePlatform(platform));
}

/** Manifests at and below a place, one after the other; attestations and platforms that are not wanted are passed over. */
export async function* childrenOf(run: Verification, place: Place, depth: number): AsyncGenerator<Child> {
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

export function read(run: Verification, descriptor: Descriptor): Promise<Buffer> {
  return run.shared.limited(() => readDocument(run.source, descriptor, run.options));
}

/** Children of other platforms than the wanted ones are not even fetched. */
function isWanted(run: Verification, entry: Descriptor): boolean {
  const { platform } = entry;
  const wanted = run.options.platforms;
  return (
    wanted === undefined || platform === undefined || wanted.some((one) => nameOf(one) === nameOf(platform))
  );
}
