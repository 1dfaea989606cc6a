import { Readable } from 'node:stream';
import { asFault, ConnectionFault } from '../http/connection-fault.ts';

/** A body from some offset on, whose beginning has come. */
export interface BodyPart {
  readonly body: Readable;
  /** `undefined`: there is nothing from there on. */
  readonly first: Buffer | undefined;
}

/** Bytes that are passed on at a time: TLS brings 16 KiB, and each piece costs on its way. */
const pieceLength = 64 * 1024;

/** A body that goes on where it stopped when its connection is cut. */
export class ResumedBody extends Readable {
  readonly #openAt: (offset: number) => Promise<BodyPart>;
  readonly #signal: AbortSignal | undefined;
  #body: Readable | undefined;
  #held: Buffer[] = [];
  #heldLength = 0;
  /** Bytes that came. */
  #offset = 0;

  /** @param openAt opens the rest from an offset on; it decides how often that is tried. */
  constructor(
    first: BodyPart,
    openAt: (offset: number) => Promise<BodyPart>,
    signal: AbortSignal | undefined,
  ) {
    super({ highWaterMark: 4 * pieceLength });
    this.#openAt = openAt;
    this.#signal = signal;
    this.#follow(first);
  }

  override _read(): void {
    this.#body?.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#body?.destroy();
    this.#held = [];
    done(error);
  }

  #follow({ body, first }: BodyPart): void {
    this.#body = body;
    if (first === undefined) {
      this.#end();
      return;
    }
    this.#take(first);
    if (body.readableEnded) {
      this.#end();
      return;
    }
    if (body.destroyed) {
      this.#goOn(body, body.errored);
      return;
    }
    body.on('data', (chunk: Buffer) => this.#take(chunk));
    body.once('end', () => this.#end());
    body.once('error', (error) => this.#goOn(body, error));
    body.once('close', () => this.#goOn(body, null));
    // Data flows when somebody reads.
    body.pause();
    if (this.readableFlowing === true || this.readableLength < this.readableHighWaterMark) {
      body.resume();
    }
  }

  #take(chunk: Buffer): void {
    this.#offset += chunk.length;
    this.#held.push(chunk);
    this.#heldLength += chunk.length;
    if (this.#heldLength >= pieceLength) {
      this.#passOn();
    }
  }

  #passOn(): void {
    const held = this.#held;
    if (held.length === 0 || this.destroyed) {
      return;
    }
    const length = this.#heldLength;
    this.#held = [];
    this.#heldLength = 0;
    if (!this.push(held.length === 1 ? held[0] : Buffer.concat(held, length))) {
      this.#body?.pause();
    }
  }

  #end(): void {
    this.#body = undefined;
    this.#passOn();
    if (!this.destroyed) {
      this.push(null);
    }
  }

  #goOn(body: Readable, error: Error | null): void {
    if (this.#body !== body || this.destroyed) {
      return;
    }
    this.#body = undefined;
    const fault = asFault(error ?? new ConnectionFault('CONNECTION_LOST'));
    if (this.#signal?.aborted === true || !(fault instanceof ConnectionFault)) {
      this.destroy(this.#signal?.aborted === true ? this.#signal.reason : fault);
      return;
    }
    this.#openAt(this.#offset).then(
      (part) => (this.destroyed ? part.body.destroy() : this.#follow(part)),
      (failure: Error) => this.destroy(failure),
    );
  }
}

/**
 * The beginning of a body, without its first `skip` bytes.
 * @throws ConnectionFault.
 */
export async function beginBody(body: Readable, skip: number): Promise<BodyPart> {
  // Between two readers nobody else listens.
  body.on('error', () => undefined);
  let left = skip;
  while (true) {
    const chunk = await nextChunk(body);
    if (chunk === undefined || chunk.length > left) {
      return { body, first: chunk?.subarray(left) };
    }
    left -= chunk.length;
  }
}

function nextChunk(body: Readable): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      body.off('data', onData).off('end', onEnd).off('error', onFault).off('close', onFault);
    };
    const onData = (chunk: Buffer): void => {
      body.pause();
      stop();
      resolve(chunk);
    };
    const onEnd = (): void => {
      stop();
      resolve(undefined);
    };
    const onFault = (error?: Error): void => {
      stop();
      reject(asFault(error ?? body.errored ?? new ConnectionFault('CONNECTION_LOST')));
    };
    if (body.readableEnded) {
      resolve(undefined);
      return;
    }
    if (body.destroyed) {
      onFault();
      return;
    }
    body.once('end', onEnd).once('error', onFault).once('close', onFault);
    body.on('data', onData).resume();
  });
}
