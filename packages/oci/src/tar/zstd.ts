import type { ZSTDDecoder } from 'zstddec/stream';

/**
 * Decompresses zstd frames, one after the other, checksums verified: RFC 8878.
 *
 * @throws Error when the content is damaged or cut off; errors of `source` pass through.
 */
export async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { ZSTDDecoder: Decoder } = await import('zstddec/stream');
  const decoder: ZSTDDecoder = new Decoder();
  await decoder.init();
  const input = source[Symbol.asyncIterator]();
  try {
    yield* decodeAhead(decoder, input);
  } finally {
    await input.return?.();
  }
}

/** The decoder takes its input synchronously, so that the next piece must lie ready before it asks. */
async function* decodeAhead(
  decoder: ZSTDDecoder,
  input: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = [];
  const fill = async (): Promise<void> => {
    while (ready.length === 0) {
      const next = await input.next();
      if (next.done === true) return;
      if (next.value.length > 0) ready.push(next.value);
    }
  };
  let idle = 0;
  let mostIdle = 0;
  const pieces = function* (): Generator<Uint8Array> {
    for (let piece = ready.shift(); piece !== undefined; piece = ready.shift()) {
      idle = 0;
      // A step takes at least a byte in, or gives some out.
      mostIdle = piece.length + 1;
      yield piece;
    }
  };
  await fill();
  for (const output of decoder.decodeStreaming(pieces())) {
    if (output.length > 0) {
      idle = 0;
      yield output;
    } else {
      // The decoder does not tell its errors: it stands still.
      idle += 1;
      if (idle > mostIdle)
        throw new Error('the zstd content is damaged, or has a window of more than 128 MiB');
    }
    await fill();
  }
}
