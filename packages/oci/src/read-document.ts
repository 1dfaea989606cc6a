import type { Descriptor } from './descriptor.ts';
import { MabuildError } from './error.ts';
import type { CallOptions, ImageSource } from './image-source.ts';
import { longestConfig } from './parse-manifest.ts';

/** Largest manifest, index or config that is held in memory, in bytes. */
const documentLimit = longestConfig;

/**
 * Reads a manifest, index or config whole.
 *
 * @throws MabuildError `DOCUMENT_TOO_LARGE` above 16 MiB; what `source.read` throws.
 */
export async function readDocument(
  source: ImageSource,
  descriptor: Descriptor,
  options: CallOptions = {},
): Promise<Buffer> {
  if (descriptor.size > documentLimit) {
    throw new MabuildError(
      `reading ${descriptor.mediaType} ${descriptor.digest}: ${descriptor.size} bytes are too many for a document`,
      {
        code: 'DOCUMENT_TOO_LARGE',
        hint: 'this is no manifest, index or config',
      },
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of await source.read(descriptor, options)) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
