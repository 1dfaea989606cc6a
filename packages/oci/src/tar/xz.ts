import type { ReadableStream as WebStream } from 'node:stream/web';
import { MabuildError } from '../error.ts';

/** What the decoder's codes mean for whoever wrote the content. */
const unsupported: Readonly<Record<string, string>> = {
  3: 'there is too little memory for it',
  4: 'it needs a dictionary of more than 64 MiB',
  6: 'it was written with a filter or a check that is not read',
};

/**
 * Decompresses xz streams, one after the other, checksums verified.
 *
 * @throws MabuildError `UNSUPPORTED_COMPRESSION` for filters and checks that are not read (LZMA2 with CRC32, CRC64 or none is)
 * @throws Error when the content is damaged or cut off; errors of `source` pass through.
 */
export async function* unxz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { XzReadableStream } = await load();
  const input = source[Symbol.asyncIterator]();
  const packed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await input.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      await input.return?.();
    },
  });
  const plain = new XzReadableStream(packed as never) as unknown as WebStream<Uint8Array>;
  const reader = plain.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } catch (error) {
    const [, code = ''] = /error code (\d+)$/.exec(error instanceof Error ? error.message : '') ?? [];
    const why = unsupported[code];
    if (why === undefined) throw code === '' ? error : new Error('the xz content is damaged or cut off');
    throw new MabuildError(`decompressing xz: ${why}`, {
      code: 'UNSUPPORTED_COMPRESSION',
      hint: 'write it again with `xz -d | xz`, or use gzip',
      cause: error,
    });
  } finally {
    // One that is left in the middle keeps all others waiting; what it had begun to read may never come.
    reader.cancel().catch(() => undefined);
    input.return?.().catch(() => undefined);
  }
}

type Library = typeof import('xz-decompress');

/** It is a CommonJS module whose names some loaders find, and others below `default` only. */
async function load(): Promise<Library> {
  const found: Library & { readonly default?: Library } = await import('xz-decompress');
  return found.default?.XzReadableStream === undefined ? found : found.default;
}
