import type unbzip2Stream from 'unbzip2-stream';

/**
 * Decompresses bzip2 streams, one after the other, checksums verified; holds one block at a time.
 * @throws Error when the content is damaged or cut off; errors of `source` pass through.
 */
export async function* unbzip2(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { default: createDecoder } = (await import('unbzip2-stream')) as unknown as {
    readonly default: typeof unbzip2Stream;
  };
  const decoder = createDecoder();
  const pieces: Uint8Array[] = [];
  let failure: Error | undefined;
  decoder.on('data', (piece: Uint8Array) => pieces.push(piece));
  decoder.on('error', (error: Error) => {
    failure ??= error;
  });
  const said = function* (): Generator<Uint8Array> {
    yield* pieces.splice(0);
    if (failure) throw new Error('the bzip2 content is damaged or cut off', { cause: failure });
  };
  // It decodes while it is written to: what it gives is there when `write` returns.
  for await (const chunk of source) {
    decoder.write(chunk);
    yield* said();
  }
  decoder.end();
  yield* said();
}
