import { Readable } from 'node:stream';
import type { Descriptor } from './descriptor.ts';
import { parseDigest } from './digest.ts';
import { isMabuildError } from './error.ts';
import type { ImageSink } from './image-sink.ts';
import type { CallOptions } from './image-source.ts';
import { type DescribedDocument, describe } from './indexes/index-type.ts';
import type { ImageIndex } from './manifest.ts';
import { isIndexType, mediaTypes } from './media-type.ts';
import { parseAnyManifest, parseImageIndex } from './parse-manifest.ts';

/** The tag under which the referrers of a manifest are listed: distribution-spec, "Referrers Tag Schema". */
export function referrersTag(digest: string): string {
  const { algorithm, encoded } = parseDigest(digest);
  return `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`.replace(/[^A-Za-z0-9._-]/g, '-');
}

/** Tells whether a name is one that {@link referrersTag} makes. */
export function isReferrersTag(name: string): boolean {
  return /^sha(?:256|384|512)-[0-9a-f]{64}$/.test(name);
}

/** How a list of referrers describes one of them: distribution-spec, "Listing Referrers". */
export function referrerDescriptor(descriptor: Descriptor, bytes: Uint8Array): Descriptor {
  const parsed = parseAnyManifest(bytes, descriptor.mediaType);
  const document = parsed.kind === 'index' ? parsed.index : parsed.manifest;
  const artifactType =
    document.artifactType ?? (parsed.kind === 'manifest' ? parsed.manifest.config.mediaType : undefined);
  const { mediaType, digest, size } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType ? { artifactType } : {}),
    ...(document.annotations ? { annotations: document.annotations } : {}),
  };
}

/** Times that a list is read and written anew because somebody else wrote it in between. */
const attempts = 5;

/** What shall be in a list of referrers, and what no more. */
export interface ReferrersChange {
  readonly add?: readonly Descriptor[] | undefined;
  readonly remove?: readonly string[] | undefined;
}

/**
 * Changes the list of referrers that a sink keeps under a tag; what others change at the same time stays.
 * @param readList what the tag points at now
 * @throws MabuildError `REGISTRY_TAG_MOVED` when others write it all the time.
 */
export async function changeReferrersTag(
  sink: ImageSink,
  digest: string,
  { add = [], remove = [] }: ReferrersChange,
  readList: () => Promise<DescribedDocument | undefined>,
  options: CallOptions = {},
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const list = await readList();
    const index = list && isIndexType(list.descriptor.mediaType) ? parseImageIndex(list.bytes) : undefined;
    const listed = index?.manifests ?? [];
    const left = listed.filter((entry) => !remove.includes(entry.digest));
    const added = add.filter((entry) => !listed.some((other) => other.digest === entry.digest));
    if (added.length === 0 && left.length === listed.length) return;
    const document: ImageIndex = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      ...(index?.annotations ? { annotations: index.annotations } : {}),
      manifests: [...left, ...added],
    };
    const { descriptor, bytes } = describe(document, mediaTypes.ociIndex);
    try {
      await sink.tag(referrersTag(digest), descriptor, {
        ...options,
        open: async () => Readable.from([bytes], { objectMode: false }),
        expected: list?.descriptor ?? 'absent',
      });
      return;
    } catch (error) {
      if (!isMabuildError(error) || error.code !== 'REGISTRY_TAG_MOVED' || attempt >= attempts) throw error;
    }
  }
}
