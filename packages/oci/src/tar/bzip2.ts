/** Reads bits; `null` skips the rest of a byte. */
interface Bits {
  (count: number | null): number;
  readonly bytesRead: number;
}

/** What of `unbzip2-stream` decodes: its own stream holds all that the bytes of one write give, whatever that is. */
interface Decoder {
  /** Hundreds of thousands of bytes in a block. @throws Error unless a stream begins here */
  header(bits: Bits): number;
  /** Gives the bytes of a block. @returns the checksum so far; `null` at the end of the stream */
  decompress(
    bits: Bits,
    give: (byte: number) => void,
    block: Int32Array,
    size: number,
    checksum: number,
  ): number | null;
}

const sizeUnit = 100_000;
/** A block is never longer than what it holds by more than this, bytes. */
const mostBeside = 25_000;

/**
 * Decompresses bzip2 streams, one after the other, checksums verified; holds one block at a time.
 * @throws Error when the content is damaged or cut off; errors of `source` pass through.
 */
export async function* unbzip2(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { decoder, bitsOf } = await loadDecoder();
  const waiting: Uint8Array[] = [];
  let taken = 0;
  const bits = bitsOf(() => waiting.shift());
  const input = source[Symbol.asyncIterator]();
  let isAllTaken = false;
  /** Takes so much that a block is there whole. */
  const take = async (length: number): Promise<void> => {
    while (!isAllTaken && taken - bits.bytesRead < length) {
      const { done, value } = await input.next();
      if (done) isAllTaken = true;
      else if (value.length > 0) {
        waiting.push(value);
        taken += value.length;
      }
    }
  };
  try {
    for (;;) {
      await take(4);
      if (taken === bits.bytesRead) return;
      const size = sizeUnit * read(() => decoder.header(bits));
      const block = new Int32Array(size);
      for (let checksum: number | null = 0; checksum !== null; ) {
        await take(size + mostBeside);
        const before: number = checksum;
        const plain = new Plain();
        checksum = read(() => decoder.decompress(bits, plain.give, block, size, before));
        yield* plain.pieces();
      }
    }
  } finally {
    await input.return?.();
  }
}

/** Bytes that come one by one. */
class Plain {
  readonly #full: Uint8Array[] = [];
  #piece = new Uint8Array(64 * 1024);
  #length = 0;

  readonly give = (byte: number): void => {
    if (this.#length === this.#piece.length) {
      this.#full.push(this.#piece);
      this.#piece = new Uint8Array(this.#piece.length);
      this.#length = 0;
    }
    this.#piece[this.#length] = byte;
    this.#length += 1;
  };

  *pieces(): Generator<Uint8Array> {
    yield* this.#full;
    if (this.#length > 0) yield this.#piece.subarray(0, this.#length);
  }
}

function read<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new Error('the bzip2 content is damaged or cut off', { cause });
  }
}

async function loadDecoder(): Promise<{
  readonly decoder: Decoder;
  bitsOf(next: () => Uint8Array | undefined): Bits;
}> {
  const [{ default: decoder }, { default: makeBits }] = await Promise.all([
    // @ts-expect-error Its types are those of the stream.
    import('unbzip2-stream/lib/bzip2.js') as Promise<{ readonly default: object }>,
    // @ts-expect-error The same.
    import('unbzip2-stream/lib/bit_iterator.js') as Promise<{ readonly default: unknown }>,
  ]);
  const first = makeBits as (next: () => Uint8Array | undefined) => Bits;
  return {
    // It keeps its tables in itself.
    decoder: Object.create(decoder) as Decoder,
    // It asks for bytes at once, when none are there.
    bitsOf: (next) => {
      let isAsked = false;
      return first(() => {
        const bytes = isAsked ? next() : new Uint8Array(0);
        isAsked = true;
        return bytes;
      });
    },
  };
}
