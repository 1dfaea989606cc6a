import { pipeline, Readable } from 'node:stream';
import {
  type CallOptions,
  type Descriptor,
  type OpenBody,
  type PutOptions,
  verifyingStream,
} from '@mabuild/oci';
import { RegistryError } from './error.ts';
import type { RegistryHost } from './registry-host.ts';
import { pause } from './retry.ts';
import { pullScope, pushScope } from './scope.ts';
import { asFault, ConnectionFault, type StreamAnswer } from './transport.ts';
import { resolveUploadLocation } from './upload-location.ts';

/** A repository at the host that serves it. */
export interface Repository {
  readonly host: RegistryHost;
  /** The path below the host, e.g. `library/ubuntu`. */
  readonly path: string;
  /** As people know it, for messages, e.g. `docker.io/library/ubuntu`. */
  readonly name: string;
}

/** Tells whether a repository has a blob: distribution-spec, "Checking if content exists in the registry". */
export async function hasBlob(
  repository: Repository,
  descriptor: Descriptor,
  options: CallOptions & { readonly once?: boolean } = {},
): Promise<boolean> {
  const request = {
    method: 'HEAD',
    target: blobPath(repository, descriptor),
    scopes: [pushScope(repository.path)],
    doing: `looking for blob ${descriptor.digest} in ${repository.name}`,
    accept: [404],
    signal: options.signal,
  };
  const { host } = repository;
  const answer = await (options.once === true ? host.callOnce(request) : host.call(request));
  return answer.status !== 404;
}

/**
 * Opens a blob; a connection that is cut goes on where it stopped, and the bytes are checked.
 * @throws RegistryError `BLOB_NOT_FOUND`.
 */
export async function readBlob(
  repository: Repository,
  descriptor: Descriptor,
  { signal }: CallOptions = {},
): Promise<Readable> {
  const doing = `reading blob ${descriptor.digest} of ${repository.name}`;
  const request = {
    method: 'GET',
    target: blobPath(repository, descriptor),
    scopes: [pullScope(repository.path)],
    doing,
    notFound: 'BLOB_NOT_FOUND' as const,
    signal,
  };
  const openAt = (offset: number): Promise<StreamAnswer> =>
    repository.host.stream({ ...request, ...(offset > 0 && { headers: { range: `bytes=${offset}-` } }) });

  const first = await repository.host.retrying(request, () => openAt(0));
  let offset = 0;
  async function* follow(answer: StreamAnswer): AsyncGenerator<Buffer, void> {
    // Registries that do not know Range send everything again.
    let skip = answer.status === 206 ? 0 : offset;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      const rest = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - rest.length;
      if (rest.length > 0) {
        offset += rest.length;
        yield rest;
      }
    }
  }
  async function* chunks(): AsyncGenerator<Buffer, void> {
    let answer: StreamAnswer | undefined = first;
    while (true) {
      const begin: number = offset;
      try {
        yield* follow(answer ?? (await repository.host.retrying(request, () => openAt(offset))));
        return;
      } catch (error) {
        if (signal?.aborted === true) {
          throw signal.reason;
        }
        const fault = asFault(error);
        if (!(fault instanceof ConnectionFault) || (offset === begin && answer === undefined)) {
          throw fault;
        }
        answer = undefined;
      }
    }
  }
  const body = Readable.from(chunks(), { objectMode: false, highWaterMark: 262_144 });
  body.once('close', () => first.body.destroy());
  const verified = verifyingStream(descriptor, `blob ${descriptor.digest} of ${repository.name}`);
  // Errors reach the reader through the stream itself.
  pipeline(body, verified, () => undefined);
  return verified;
}

/**
 * Makes a blob of a neighbouring repository appear: distribution-spec, "Mounting a blob from another repository".
 * @returns `false` when the registry wants the bytes.
 */
export async function mountBlob(
  repository: Repository,
  descriptor: Descriptor,
  from: string,
  { signal }: CallOptions = {},
): Promise<boolean> {
  const doing = `mounting blob ${descriptor.digest} of ${from} into ${repository.name}`;
  const query = `mount=${encodeURIComponent(descriptor.digest)}&from=${encodeURIComponent(from)}`;
  try {
    const location = await beginUpload(repository, doing, `?${query}`, [pullScope(from)], { signal });
    if (location === undefined) {
      return true;
    }
    await cancelUpload(repository, location);
    signal?.throwIfAborted();
    return false;
  } catch (error) {
    const refused = error instanceof RegistryError && error.status !== undefined && error.status < 429;
    if (refused && signal?.aborted !== true) {
      return false;
    }
    throw error;
  }
}

/**
 * Uploads a blob whole, from the start again when the connection is cut: distribution-spec, "POST then PUT".
 *
 * Whatever happens, no open upload stays behind.
 */
export async function uploadBlob(
  repository: Repository,
  descriptor: Descriptor,
  open: OpenBody,
  { signal, onBytes }: PutOptions = {},
): Promise<void> {
  const doing = `uploading blob ${descriptor.digest} to ${repository.name}`;
  const scopes = [pushScope(repository.path)];
  await repository.host.retrying(
    { method: 'PUT', target: uploadsPath(repository), doing, signal },
    async (attempt) => {
      // The last attempt may have arrived although its answer did not.
      if (attempt > 1 && (await hasBlob(repository, descriptor, { signal, once: true }))) {
        return;
      }
      const location = await beginUpload(repository, doing, '', [], { signal });
      if (location === undefined) {
        return;
      }
      const target = new URL(location);
      target.search += `${target.search === '' ? '?' : '&'}digest=${encodeURIComponent(descriptor.digest)}`;
      try {
        signal?.throwIfAborted();
        const answer = await repository.host.stream({
          method: 'PUT',
          target,
          headers: { 'content-type': 'application/octet-stream' },
          scopes,
          doing,
          body: { open, size: descriptor.size },
          onBytes,
          signal,
        });
        answer.body.resume();
      } catch (error) {
        await cancelUpload(repository, location);
        throw error;
      }
    },
  );
}

/** @returns where to upload to; `undefined` when the blob is there already (201). */
async function beginUpload(
  repository: Repository,
  doing: string,
  query: string,
  moreScopes: readonly string[],
  { signal }: CallOptions,
): Promise<URL | undefined> {
  signal?.throwIfAborted();
  const grace = delayedAbort(signal);
  try {
    const answer = await repository.host.callOnce({
      method: 'POST',
      target: `${uploadsPath(repository)}${query}`,
      headers: { 'content-length': '0' },
      scopes: [pushScope(repository.path), ...moreScopes],
      doing,
      signal: grace.signal,
    });
    if (answer.status === 201) {
      return undefined;
    }
    return resolveUploadLocation(answer.url, answer.header('location'), doing);
  } finally {
    grace.end();
  }
}

/** Milliseconds that tidying up may take. */
const tidying = 5_000;

/**
 * Best effort: registries that do not know it let uploads expire.
 *
 * A registry that is still taking in a cut body may bring the upload back when it notices, so it is cancelled until it
 * is unknown.
 */
async function cancelUpload(repository: Repository, location: URL): Promise<void> {
  const signal = AbortSignal.timeout(tidying);
  try {
    for (const delay of [20, 50, 100, 200, 400]) {
      const answer = await repository.host.callOnce({
        method: 'DELETE',
        target: location,
        scopes: [pushScope(repository.path)],
        doing: `giving up an upload to ${repository.name}`,
        accept: [400, 404, 416, 500],
        signal,
      });
      if (answer.status === 404) {
        return;
      }
      await pause(delay, signal);
    }
  } catch {
    // The upload stays until the registry's own clean-up.
  }
}

/** An abort that comes late, so that the address of an upload just opened is still learnt, and the upload cancelled. */
function delayedAbort(signal: AbortSignal | undefined): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    timer = setTimeout(() => controller.abort(signal?.reason), tidying);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

function blobPath(repository: Repository, descriptor: Descriptor): string {
  return `/v2/${repository.path}/blobs/${descriptor.digest}`;
}

function uploadsPath(repository: Repository): string {
  return `/v2/${repository.path}/blobs/uploads/`;
}
