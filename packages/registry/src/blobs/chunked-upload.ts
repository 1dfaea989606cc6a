import type { OpenBody, PutOptions } from '@mabuild/oci';
import { pushScope } from '../access/scope.ts';
import { RegistryError } from '../error.ts';
import { BodyCursor } from './body-cursor.ts';
import { refusalOf } from './upload-refusal.ts';
import {
  askProgress,
  beginUpload,
  cancelUpload,
  closeUpload,
  readProgress,
  type UploadSession,
  type UploadStart,
} from './upload-session.ts';
import { leastChunk, waysOf } from './upload-ways.ts';

/** How often an upload that the registry forgot is begun again. */
const mostRestarts = 5;

/** A blob that is sent piece by piece, going on from what the registry has: distribution-spec, "Pushing a blob in chunks". */
export class ChunkedUpload {
  readonly #start: UploadStart;
  readonly #onBytes: PutOptions['onBytes'];
  readonly #body: BodyCursor;
  #session: UploadSession | undefined;
  #offset = 0;
  #chunk: number;
  #restarts = 0;

  constructor(start: UploadStart, open: OpenBody, onBytes: PutOptions['onBytes']) {
    this.#start = start;
    this.#onBytes = onBytes;
    this.#body = new BodyCursor(open);
    this.#chunk = waysOf(start.repository.host).chunk;
    // What did not get through whole is to go in several pieces.
    while (this.#chunk > start.descriptor.size / 2 && this.#chunk > leastChunk) {
      this.#chunk = Math.max(leastChunk, Math.floor(this.#chunk / 2));
    }
  }

  /**
   * Sends a chunk, or ends the upload.
   * @param attempt 1 after progress.
   * @returns whether the blob is there now.
   * @throws RegistryError when the registry keeps forgetting what it got.
   */
  async step(attempt: number): Promise<boolean> {
    const { descriptor } = this.#start;
    if (attempt > 1 && this.#session !== undefined) {
      const before = this.#offset;
      await this.#synchronize(this.#session);
      if (this.#offset > before) {
        return false;
      }
    }
    this.#session ??= await beginUpload(this.#start);
    if (this.#session === undefined) {
      return true;
    }
    if (this.#offset < descriptor.size) {
      await this.#send(this.#session);
      return false;
    }
    await closeUpload(this.#start, this.#session.location);
    this.#session = undefined;
    return true;
  }

  /** Closes the body, and gives up what is not done. */
  async end(): Promise<void> {
    this.#body.close();
    await this.#forget();
  }

  async #send(session: UploadSession): Promise<void> {
    const { repository, descriptor, doing, signal } = this.#start;
    const offset = this.#offset;
    const length = Math.min(Math.max(this.#chunk, session.minChunk), descriptor.size - offset);
    try {
      const answer = await repository.host.stream({
        method: 'PATCH',
        target: session.location,
        headers: {
          'content-type': 'application/octet-stream',
          'content-range': `${offset}-${offset + length - 1}`,
        },
        scopes: [pushScope(repository.path)],
        doing,
        body: { open: () => this.#body.slice(offset, length), size: length },
        onBytes: (written) => this.#onBytes?.(offset + written),
        signal,
      });
      answer.body.resume();
      const { location, received = offset + length } = readProgress(answer, session.location, doing);
      this.#session = { ...session, location };
      this.#offset = Math.min(received, offset + length);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === 'cut') {
        // Less may get through, or be lost, the next time.
        this.#chunk = Math.min(this.#chunk, Math.max(leastChunk, Math.floor(this.#chunk / 2)));
      }
      if (refusal === 'too-large' && (await this.#shrink(length, session.minChunk))) {
        return;
      }
      throw error;
    }
    if (this.#offset <= offset) {
      throw new RegistryError(
        `${doing}: the registry took a chunk at ${offset} and has ${this.#offset} bytes`,
        {
          code: 'REGISTRY_ERROR',
          hint: 'it, or a proxy before it, does not do chunked uploads',
          status: 501,
        },
      );
    }
  }

  /** Halves the chunks for this host, and begins again. @returns `false` when they are small enough already. */
  async #shrink(length: number, least: number): Promise<boolean> {
    const half = Math.floor(length / 2);
    if (half < Math.max(least, 256 * 1024)) {
      return false;
    }
    const ways = waysOf(this.#start.repository.host);
    ways.chunk = Math.min(ways.chunk, half);
    this.#chunk = ways.chunk;
    await this.#forget();
    return true;
  }

  /** Finds out how far the registry is; what it does not know any more is begun again. */
  async #synchronize(session: UploadSession): Promise<void> {
    const { repository, descriptor, doing, signal } = this.#start;
    const progress = await askProgress(repository, session.location, doing, { signal });
    if (progress?.received !== undefined && progress.received <= descriptor.size) {
      this.#session = { ...session, location: progress.location };
      this.#offset = progress.received;
      return;
    }
    this.#restarts += 1;
    if (this.#restarts > mostRestarts) {
      throw new RegistryError(`${doing}: the registry forgot the upload ${this.#restarts} times`, {
        code: 'REGISTRY_ERROR',
        hint: 'the connection is cut too often, or several servers stand behind one name without a common store',
      });
    }
    await this.#forget();
  }

  async #forget(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#offset = 0;
    if (session !== undefined) {
      await cancelUpload(this.#start.repository, session.location);
    }
  }
}
