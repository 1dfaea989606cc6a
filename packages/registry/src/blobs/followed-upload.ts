import type { CallOptions, GrowingBlob } from '@mabuild/oci';
import { pushScope } from '../access/scope.ts';
import type { Repository } from '../repository.ts';
import { cancelUpload, openUpload, readProgress, type UploadSession } from './upload-session.ts';
import { waysOf } from './upload-ways.ts';

export interface FollowOptions extends CallOptions {
  /** Told of the bytes sent so far. */
  readonly onBytes: (written: number) => void;
}

/**
 * Sends a blob while it is made, by one PATCH of unknown length, as docker sends all its layers.
 *
 * Nothing is tried twice, and a host that limits what a request may hold, or takes no such PATCH, is not asked again.
 * @returns the upload, which only its end is missing of; `undefined` when nothing came of it, and nothing stayed behind
 */
export async function followBlob(
  repository: Repository,
  blob: GrowingBlob,
  { signal, onBytes }: FollowOptions,
): Promise<UploadSession | undefined> {
  const ways = waysOf(repository.host);
  if (!ways.follows || ways.chunkFrom !== Number.POSITIVE_INFINITY) {
    return undefined;
  }
  const doing = `uploading a layer to ${repository.name} while it is written`;
  let session: UploadSession | undefined;
  try {
    session = await openUpload({ repository, doing, signal });
    const { location } = session;
    let sent = 0;
    const answer = await repository.host.stream({
      method: 'PATCH',
      target: location,
      headers: { 'content-type': 'application/octet-stream', 'transfer-encoding': 'chunked' },
      scopes: [pushScope(repository.path)],
      doing,
      body: { open: blob.open, size: undefined },
      onBytes: (written) => {
        sent = written;
        onBytes(written);
      },
      signal,
    });
    answer.body.resume();
    const next = readProgress(answer, location, doing);
    const { size } = await blob.finished;
    if (sent === size && (next.received ?? size) === size) {
      return { ...session, location: next.location, hasAll: true };
    }
  } catch {
    // The blob is put all the same, which says what is wrong.
  }
  if (session !== undefined) {
    await cancelUpload(repository, session.location);
  }
  if (signal?.aborted !== true && (await isMade(blob))) {
    ways.follows = false;
  }
  return undefined;
}

async function isMade({ finished }: GrowingBlob): Promise<boolean> {
  return await finished.then(
    () => true,
    () => false,
  );
}
