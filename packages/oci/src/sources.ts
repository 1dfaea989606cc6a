import { Readable } from 'node:stream';
import type { Descriptor } from './descriptor.ts';
import { MabuildError } from './error.ts';
import type { ImageSource, ReadOptions } from './image-source.ts';
import type { DescribedDocument } from './indexes/image-index.ts';

/**
 * Puts an index, or any document, on top of the sources of what it points at.
 *
 * Each source answers for its own root and whatever it holds; the first that has a blob gives it.
 */
export function withRoot(document: DescribedDocument, sources: readonly ImageSource[]): ImageSource {
  return {
    root: document.descriptor,
    async read(descriptor: Descriptor, options?: ReadOptions): Promise<Readable> {
      if (descriptor.digest === document.descriptor.digest) {
        return Readable.from([document.bytes], { objectMode: false });
      }
      let missing: unknown;
      for (const source of sources) {
        try {
          return await source.read(descriptor, options);
        } catch (error) {
          if ((error as Partial<MabuildError>).code !== 'BLOB_NOT_FOUND') throw error;
          missing = error;
        }
      }
      throw (
        missing ??
        new MabuildError(`reading ${descriptor.digest}: no source has it`, { code: 'BLOB_NOT_FOUND' })
      );
    },
    async mountableFrom(descriptor) {
      for (const source of sources) {
        const from = await source.mountableFrom?.(descriptor);
        if (from) return from;
      }
      return undefined;
    },
    async referrers(subject, options) {
      const found = await Promise.all(sources.map((source) => source.referrers?.(subject, options) ?? []));
      return found.flat();
    },
  };
}
