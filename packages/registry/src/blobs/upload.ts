import type { Descriptor, OpenBody, PutOptions } from '@mabuild/oci';
import { pushScope } from '../access/scope.ts';
import { RegistryError } from '../error.ts';
import type { Repository } from '../repository.ts';
import { hasBlob } from './blob.ts';
import { ChunkedUpload } from './chunked-upload.ts';
import { refusalOf, type UploadRefusal } from './upload-refusal.ts';
import {
  beginUpload,
  cancelUpload,
  closeUpload,
  closingUrl,
  readProgress,
  type UploadSession,
  type UploadStart,
} from './upload-session.ts';
import { leastChunk, type UploadWay, waysOf } from './upload-ways.ts';

export interface UploadOptions extends PutOptions {
  /** An upload that is open already, of a mount that was not done. */
  readonly session?: UploadSession | undefined;
}

/**
 * Uploads a blob whole: distribution-spec, "POST then PUT"; and where that does not do, by one PATCH or in chunks.
 *
 * Whatever happens, no open upload stays behind.
 * @returns `'mounted'` when the registry had the blob elsewhere and nothing was sent.
 */
export async function uploadBlob(
  repository: Repository,
  descriptor: Descriptor,
  open: OpenBody,
  options: UploadOptions = {},
): Promise<'sent' | 'mounted'> {
  const { host, path, name } = repository;
  const { signal } = options;
  const doing = `uploading blob ${descriptor.digest} to ${name}`;
  const upload = new Upload({ repository, descriptor, doing, signal }, open, options);
  try {
    while (true) {
      const outcome = await host.retrying(
        { method: 'PUT', target: `/v2/${path}/blobs/uploads/`, doing, signal },
        (attempt) => upload.advance(attempt),
      );
      if (outcome !== undefined) {
        return outcome;
      }
    }
  } finally {
    await upload.end();
  }
}

/** One blob on its way, by one way after the other. */
class Upload {
  readonly #start: UploadStart;
  readonly #open: OpenBody;
  readonly #onBytes: PutOptions['onBytes'];
  readonly #tried = new Set<UploadWay>();
  readonly #refusals = new Map<UploadRefusal, number>();
  #session: UploadSession | undefined;
  #way: UploadWay;
  #chunked: ChunkedUpload | undefined;

  constructor(start: UploadStart, open: OpenBody, { session, onBytes }: UploadOptions) {
    this.#start = start;
    this.#open = open;
    this.#onBytes = onBytes;
    this.#session = session;
    const { way, chunkFrom } = waysOf(start.repository.host);
    this.#way = start.descriptor.size >= chunkFrom ? 'chunks' : way;
  }

  /** @returns `undefined` when some of the way is done, or another way is to be tried. */
  async advance(attempt: number): Promise<'sent' | 'mounted' | undefined> {
    const { repository, descriptor, signal } = this.#start;
    signal?.throwIfAborted();
    // The last attempt may have arrived although its answer did not; one that was told to wait has not.
    const mayBeThere = attempt > 1 && this.#session === undefined;
    if (mayBeThere && (await hasBlob(repository, descriptor, { signal, once: true }))) {
      return 'sent';
    }
    if (this.#session?.hasAll === true && (await this.#close(this.#session))) {
      return 'sent';
    }
    const way = this.#way;
    this.#tried.add(way);
    try {
      if (way === 'chunks') {
        this.#chunked ??= new ChunkedUpload(this.#start, this.#open, this.#onBytes);
        if (!(await this.#chunked.step(attempt))) {
          return undefined;
        }
      } else if (!(await this.#sendWhole(way))) {
        return attempt > 1 ? 'sent' : 'mounted';
      }
      this.#learn(way);
      return 'sent';
    } catch (error) {
      signal?.throwIfAborted();
      const refusal = refusalOf(error);
      const next = refusal === undefined ? undefined : this.#wayAfter(refusal);
      if (next === undefined) {
        throw error;
      }
      this.#way = next;
      if (refusal === 'cut') {
        // It may have arrived; and a connection that is cut is not asked again at once.
        throw error;
      }
      return undefined;
    }
  }

  async end(): Promise<void> {
    await this.#cancel();
    await this.#chunked?.end();
  }

  /** Ends an upload whose bytes were sent before. @returns `false` when the registry refuses it: it is sent again then */
  async #close({ location }: UploadSession): Promise<boolean> {
    const { descriptor, signal } = this.#start;
    try {
      await closeUpload(this.#start, location);
      this.#session = undefined;
      this.#onBytes?.(descriptor.size);
      return true;
    } catch (error) {
      await this.#cancel();
      signal?.throwIfAborted();
      const isRefused = error instanceof RegistryError && error.status !== undefined && error.status < 500;
      if (isRefused && error.status !== 429) {
        return false;
      }
      throw error;
    }
  }

  /** @returns `false` when the registry had the blob elsewhere. */
  async #sendWhole(way: 'put' | 'patch'): Promise<boolean> {
    const { repository, descriptor, doing, signal } = this.#start;
    this.#session ??= await beginUpload(this.#start);
    if (this.#session === undefined) {
      return false;
    }
    const { location } = this.#session;
    try {
      signal?.throwIfAborted();
      const answer = await repository.host.stream({
        method: way === 'put' ? 'PUT' : 'PATCH',
        target: way === 'put' ? closingUrl(location, descriptor) : location,
        headers: {
          'content-type': 'application/octet-stream',
          // As docker sends it: registries that limit chunks take a stream as it comes.
          ...(way === 'patch' && { 'transfer-encoding': 'chunked' }),
        },
        scopes: [pushScope(repository.path)],
        doing,
        body: { open: this.#open, size: descriptor.size },
        onBytes: this.#onBytes,
        signal,
      });
      answer.body.resume();
      if (way === 'patch') {
        await closeUpload(this.#start, readProgress(answer, location, doing).location);
      }
      this.#session = undefined;
      return true;
    } catch (error) {
      const mayGoOn = way === 'put' && error instanceof RegistryError && error.status === 429;
      if (!mayGoOn) {
        await this.#cancel();
      }
      throw error;
    }
  }

  #wayAfter(refusal: UploadRefusal): UploadWay | undefined {
    const { size } = this.#start.descriptor;
    const count = (this.#refusals.get(refusal) ?? 0) + 1;
    this.#refusals.set(refusal, count);
    switch (refusal) {
      case 'too-large':
        return this.#unlessTried('chunks');
      case 'cut':
        return count >= 2 && size > leastChunk ? this.#unlessTried('chunks') : undefined;
      case 'lost':
        return count >= 2 ? this.#unlessTried('patch') : undefined;
      case 'unsupported':
        return this.#unlessTried('patch') ?? this.#unlessTried('chunks');
    }
  }

  #unlessTried(way: UploadWay): UploadWay | undefined {
    return this.#tried.has(way) ? undefined : way;
  }

  #learn(way: UploadWay): void {
    const ways = waysOf(this.#start.repository.host);
    if (way === 'chunks') {
      ways.chunkFrom = Math.min(ways.chunkFrom, this.#start.descriptor.size);
    } else if (this.#tried.size === 2 && this.#tried.has('put')) {
      ways.way = way;
    }
  }

  async #cancel(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) {
      await cancelUpload(this.#start.repository, session.location);
    }
  }
}
