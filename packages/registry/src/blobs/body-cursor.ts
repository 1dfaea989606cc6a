import { Readable } from 'node:stream';
import type { OpenBody } from '@mabuild/oci';

/** A body read in pieces, one after the other; opened again, and skipped to its place, when a piece must be repeated. */
export class BodyCursor {
  readonly #open: OpenBody;
  #reader: Reader | undefined;

  constructor(open: OpenBody) {
    this.#open = open;
  }

  /** The bytes from `offset` on, at most `length` of them; what an earlier call gave is spent. */
  async slice(offset: number, length: number): Promise<Readable> {
    const reader = this.#reader;
    if (reader === undefined || reader.taken || reader.position > offset) {
      this.close();
      this.#reader = startReading(await this.#open());
    }
    return Readable.from(take(this.#reader!, offset, length), { objectMode: false });
  }

  close(): void {
    this.#reader?.stream.destroy();
    this.#reader = undefined;
  }
}

interface Reader {
  readonly stream: Readable;
  readonly chunks: AsyncIterator<Buffer>;
  /** Of the next byte. */
  position: number;
  /** Read and not given yet. */
  left: Buffer | undefined;
  /** A slice is being read, or was given up. */
  taken: boolean;
}

function startReading(stream: Readable): Reader {
  // Between two slices nobody listens; the next one meets the error.
  stream.on('error', () => undefined);
  const chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  return { stream, chunks, position: 0, left: undefined, taken: false };
}

async function* take(reader: Reader, offset: number, length: number): AsyncGenerator<Buffer, void> {
  reader.taken = true;
  let rest = length;
  while (rest > 0) {
    const chunk = await nextOf(reader);
    if (chunk === undefined) {
      break;
    }
    const skip = Math.min(chunk.length, Math.max(0, offset - reader.position));
    const piece = chunk.subarray(skip, skip + rest);
    reader.position += skip + piece.length;
    reader.left = chunk.subarray(skip + piece.length);
    rest -= piece.length;
    if (piece.length > 0) {
      yield piece;
    }
  }
  reader.taken = false;
}

async function nextOf(reader: Reader): Promise<Buffer | undefined> {
  const { left } = reader;
  if (left !== undefined && left.length > 0) {
    reader.left = undefined;
    return left;
  }
  const { done, value } = await reader.chunks.next();
  return done === true ? undefined : value;
}
