import { Readable } from 'node:stream';
import type { Descriptor } from '../descriptor.ts';
import { MabuildError } from '../error.ts';
import type { ImageSource } from '../image-source.ts';
import { isIndexType, isManifestType } from '../media-type.ts';
import { parseAnyManifest } from '../parse-manifest.ts';
import { readDocument } from '../read-document.ts';
import type { DescribedDocument } from './index-type.ts';

/** What an index is made of: entries, and the source that has them. */
export interface IndexPart {
  readonly source: ImageSource;
  readonly entries: readonly Descriptor[];
}

/**
 * Puts an index on top of the sources of its entries, and asks each for its own images only: a registry is not asked for
 * the layers of another.
 */
export function joinSources(document: DescribedDocument, parts: readonly IndexPart[]): ImageSource {
  const owners = new Map<string, ImageSource>();
  const own = (digest: string, source: ImageSource): void => {
    if (!owners.has(digest)) owners.set(digest, source);
  };
  for (const { source, entries } of parts) for (const { digest } of entries) own(digest, source);
  return {
    root: document.descriptor,
    async read(descriptor, options = {}) {
      if (descriptor.digest === document.descriptor.digest) return opened(document.bytes);
      const owner = owners.get(descriptor.digest);
      if (owner === undefined) {
        throw new MabuildError(`reading ${descriptor.digest}: no image of the index has it`, {
          code: 'BLOB_NOT_FOUND',
        });
      }
      if (!isManifestType(descriptor.mediaType) && !isIndexType(descriptor.mediaType)) {
        return owner.read(descriptor, options);
      }
      // A manifest is read before what it names.
      const bytes = await readDocument(owner, descriptor, options);
      for (const digest of named(bytes, descriptor)) own(digest, owner);
      return opened(bytes);
    },
    mountableFrom: (descriptor) => owners.get(descriptor.digest)?.mountableFrom?.(descriptor),
  };
}

function opened(bytes: Buffer): Readable {
  return Readable.from([bytes], { objectMode: false });
}

function named(bytes: Buffer, { mediaType }: Descriptor): readonly string[] {
  const parsed = parseAnyManifest(bytes, mediaType);
  const children =
    parsed.kind === 'index' ? parsed.index.manifests : [parsed.manifest.config, ...parsed.manifest.layers];
  return children.map(({ digest }) => digest);
}
