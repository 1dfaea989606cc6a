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

/** Takes streams out of a pipe, one after the other; what nobody reads of one is skipped before the next. */
export class FrameReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  /** Of the piece that is being read, bytes. */
  #left = 0;
  #given = 0;
  #taken = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Streams that came to their end. */
  get taken(): number {
    return this.#taken;
  }

  next(): AsyncGenerator<Uint8Array> {
    const own = this.#given;
    this.#given += 1;
    return this.#stream(own);
  }

  /** Skips what was not read of the streams that were given. */
  async finish(): Promise<void> {
    while (this.#taken < this.#given) await this.#piece(this.#given);
  }

  async *#stream(own: number): AsyncGenerator<Uint8Array> {
    for (let piece = await this.#piece(own); piece !== undefined; piece = await this.#piece(own)) yield piece;
  }

  /** Some of a stream; one that was left may still be asking for its own. */
  async #piece(own: number): Promise<Uint8Array | undefined> {
    const piece = this.#turn.then(() => this.#take(own));
    this.#turn = piece.catch(() => undefined);
    return await piece;
  }

  async #take(own: number): Promise<Uint8Array | undefined> {
    while (this.#taken <= own && this.#taken < this.#given) {
      if (this.#left === 0) {
        const header: Uint8Array[] = [];
        for (let missing = 4; missing > 0; ) {
          const part = await this.#some(missing);
          header.push(part);
          missing -= part.length;
        }
        this.#left = Buffer.concat(header).readUInt32BE();
        if (this.#left === 0) this.#taken += 1;
        continue;
      }
      const part = await this.#some(this.#left);
      this.#left -= part.length;
      if (this.#taken === own) return part;
    }
    return undefined;
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
