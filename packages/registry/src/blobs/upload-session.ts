import type { CallOptions, Descriptor } from '@mabuild/oci';
import { pullScope, pushScope } from '../access/scope.ts';
import { RegistryError } from '../error.ts';
import type { Answered } from '../host/registry-host.ts';
import type { CallAnswer, StreamAnswer } from '../http/http-message.ts';
import { pause } from '../http/retry.ts';
import { resolveUploadLocation } from '../http/upload-location.ts';
import type { Repository } from '../repository.ts';
import { waysOf } from './upload-ways.ts';

/** An upload that is open at the registry: distribution-spec, "Pushing blobs". */
export interface UploadSession {
  /** Where it goes on. */
  readonly location: URL;
  /** Bytes that every chunk but the last must have. */
  readonly minChunk: number;
  /** Every byte was sent, and it need only be closed. @default false */
  readonly hasAll?: boolean | undefined;
}

/** What is needed to begin an upload. */
export interface UploadStart extends CallOptions {
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly doing: string;
  /** A repository of the same registry that has the blob: distribution-spec, "Mounting a blob from another repository". */
  readonly from?: string | undefined;
}

/**
 * Begins an upload; the same request asks for the blob to be mounted from wherever the registry has it.
 * @returns `undefined` when the blob is there now.
 */
export async function beginUpload(start: UploadStart): Promise<UploadSession | undefined> {
  const { repository, descriptor, from } = start;
  const mount = `?mount=${encodeURIComponent(descriptor.digest)}`;
  if (from !== undefined) {
    return post(start, `${mount}&from=${encodeURIComponent(from)}`, [pullScope(from)]);
  }
  const ways = waysOf(repository.host);
  if (!ways.mountsAlone) {
    return post(start);
  }
  try {
    return await post(start, mount);
  } catch (error) {
    if (!(error instanceof RegistryError) || ![400, 404, 405, 415, 422, 501].includes(error.status ?? 0)) {
      throw error;
    }
    const session = await post(start);
    ways.mountsAlone = false;
    return session;
  }
}

/** Begins an upload of what nobody knows the digest of yet. */
export async function openUpload(start: Omit<UploadStart, 'descriptor' | 'from'>): Promise<UploadSession> {
  const session = await post(start);
  if (session === undefined) {
    throw new Error(`${start.doing}: a blob without a digest cannot be there`);
  }
  return session;
}

async function post(
  { repository, doing, signal }: Omit<UploadStart, 'descriptor'>,
  query = '',
  moreScopes: readonly string[] = [],
): Promise<UploadSession | undefined> {
  signal?.throwIfAborted();
  const grace = delayedAbort(signal);
  try {
    const answer = await repository.host.callOnce({
      method: 'POST',
      target: `/v2/${repository.path}/blobs/uploads/${query}`,
      headers: { 'content-length': '0' },
      scopes: [pushScope(repository.path), ...moreScopes],
      doing,
      signal: grace.signal,
    });
    if (answer.status === 201) {
      return undefined;
    }
    const minChunk = Number(answer.header('oci-chunk-min-length') ?? 0);
    return {
      location: resolveUploadLocation(answer.url, answer.header('location'), doing),
      minChunk: Number.isSafeInteger(minChunk) && minChunk > 0 ? minChunk : 0,
    };
  } finally {
    grace.end();
  }
}

/** How far an upload is. */
export interface UploadProgress {
  readonly location: URL;
  /** Bytes that the registry has; `undefined`: it does not say. */
  readonly received: number | undefined;
}

/**
 * Asks how far an upload is: distribution-spec, "Resuming an upload".
 * @returns `undefined` when the registry does not know the upload, or does not tell.
 */
export async function askProgress(
  repository: Repository,
  location: URL,
  doing: string,
  { signal }: CallOptions,
): Promise<UploadProgress | undefined> {
  const answer = await repository.host.callOnce({
    method: 'GET',
    target: location,
    scopes: [pushScope(repository.path)],
    doing,
    accept: [400, 404, 405, 416, 501],
    signal,
  });
  return answer.status >= 400 ? undefined : readProgress(answer, location, doing);
}

/** Reads the Location and Range of an answer about an upload. */
export function readProgress(
  answer: Answered<CallAnswer | StreamAnswer>,
  location: URL,
  doing: string,
): UploadProgress {
  const next = answer.header('location');
  const last = /^(?:bytes[= ])?0-(\d+)$/.exec(answer.header('range')?.trim() ?? '')?.[1];
  return {
    location: next === undefined ? location : resolveUploadLocation(answer.url, next, doing),
    // 0-0 is what registries say of an empty upload.
    received: last === undefined ? undefined : last === '0' ? 0 : Number(last) + 1,
  };
}

/** Ends an upload whose bytes are there. */
export async function closeUpload(
  { repository, descriptor, doing, signal }: UploadStart,
  location: URL,
): Promise<void> {
  await repository.host.callOnce({
    method: 'PUT',
    target: closingUrl(location, descriptor),
    headers: { 'content-length': '0', 'content-type': 'application/octet-stream' },
    scopes: [pushScope(repository.path)],
    doing,
    signal,
  });
}

/** The address of the PUT that ends an upload. */
export function closingUrl(location: URL, descriptor: Descriptor): URL {
  const target = new URL(location);
  target.search += `${target.search === '' ? '?' : '&'}digest=${encodeURIComponent(descriptor.digest)}`;
  return target;
}

/** Milliseconds that tidying up may take. */
const tidying = 5_000;

/**
 * Gives an upload up, as well as the registry can: those that do not know it let uploads expire.
 *
 * A registry that is still taking in a cut body may bring the upload back when it notices, so it is cancelled until it
 * is unknown.
 */
export async function cancelUpload(repository: Repository, location: URL): Promise<void> {
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
