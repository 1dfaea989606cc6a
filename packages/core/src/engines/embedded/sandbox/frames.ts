import { MabuildError } from '@mabuild/oci';

/** Cuts a stream into pieces that tell their length, and ends it with an empty one: several fit into one pipe. */
export async function* framed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    if (chunk.length > 0) yield* [length(chunk.length), chunk];
  }
  yield length(0);
}

function length(size: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(size);
  return bytes;
}

/** Takes streams out of a pipe, each to be read to its end before the next. */
export class FrameReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #taken = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Streams that were read to their end. */
  get taken(): number {
    return this.#taken;
  }

  async *next(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const header: Uint8Array[] = [];
      for (let missing = 4; missing > 0; ) {
        const part = await this.#some(missing);
        header.push(part);
        missing -= part.length;
      }
      let left = Buffer.concat(header).readUInt32BE();
      if (left === 0) {
        this.#taken += 1;
        return;
      }
      while (left > 0) {
        const part = await this.#some(left);
        left -= part.length;
        yield part;
      }
    }
  }

  async #some(most: number): Promise<Uint8Array> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#source.next();
      // Whoever wrote was stopped; the reader is about to be too.
      if (done)
        throw new MabuildError('reading a layer: it was cut off', {
          code: 'SANDBOX_FAILED',
          hint: 'build again',
        });
      this.#rest = value;
    }
    const taken = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }
}
