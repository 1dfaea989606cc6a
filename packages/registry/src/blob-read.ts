import { pipeline, Readable } from 'node:stream';
import { type Descriptor, type ReadOptions, verifyingStream } from '@mabuild/oci';
import { asFault, ConnectionFault } from './connection-fault.ts';
import { RegistryError, redactUrl } from './error.ts';
import type { StreamAnswer } from './http-message.ts';
import type { Answered, StreamHostRequest } from './registry-host.ts';
import { blobPath, type Repository } from './repository.ts';
import { pullScope } from './scope.ts';

/** A body from some offset on, whose beginning has come. */
interface Part {
  /** `undefined`: there is nothing from there on. */
  readonly first: Buffer | undefined;
  readonly rest: AsyncIterator<Buffer>;
  readonly body: Readable;
}

/**
 * Opens a blob; a connection that is cut goes on where it stopped, as long as each brings something, and the bytes are
 * checked, unless asked not to.
 * @throws RegistryError `BLOB_NOT_FOUND`.
 */
export async function readBlob(
  repository: Repository,
  descriptor: Descriptor,
  { signal, unverified }: ReadOptions = {},
): Promise<Readable> {
  const request: StreamHostRequest = {
    method: 'GET',
    target: blobPath(repository, descriptor),
    scopes: [pullScope(repository.path)],
    doing: `reading blob ${descriptor.digest} of ${repository.name}`,
    notFound: 'BLOB_NOT_FOUND',
    signal,
  };
  // An attempt counts as good when it brings at least one byte.
  const openAt = (offset: number): Promise<Part> =>
    repository.host.retrying(request, async () => {
      const headers = offset > 0 ? { headers: { range: `bytes=${offset}-` } } : {};
      const answer = await repository.host.stream({ ...request, ...headers });
      try {
        return await begin(answer, offset, descriptor, request.doing);
      } catch (error) {
        throw asFault(error);
      }
    });

  let part = await openAt(0);
  async function* chunks(): AsyncGenerator<Buffer, void> {
    let offset = 0;
    while (part.first !== undefined) {
      try {
        for (
          let chunk: Buffer | undefined = part.first;
          chunk !== undefined;
          chunk = await nextOf(part.rest)
        ) {
          offset += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        if (signal?.aborted === true) {
          throw signal.reason;
        }
        const fault = asFault(error);
        if (!(fault instanceof ConnectionFault)) {
          throw fault;
        }
        part = await openAt(offset);
      }
    }
  }
  const body = Readable.from(chunks(), { objectMode: false, highWaterMark: 262_144 });
  body.once('close', () => part.body.destroy());
  if (unverified === true) {
    body.on('error', () => undefined);
    return body;
  }
  const verified = verifyingStream(descriptor, `blob ${descriptor.digest} of ${repository.name}`);
  // Errors reach the reader through the stream itself.
  pipeline(body, verified, () => undefined);
  return verified;
}

/** Skips what was read before where a registry does not know Range and sends everything again. */
async function begin(
  answer: Answered<StreamAnswer>,
  offset: number,
  descriptor: Descriptor,
  doing: string,
): Promise<Part> {
  const { body } = answer;
  const rest = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  if (answer.status === 206) {
    checkRange(answer, offset, descriptor, doing);
  }
  let skip = answer.status === 206 ? 0 : offset;
  while (true) {
    const chunk = await nextOf(rest);
    if (chunk === undefined || chunk.length > skip) {
      return { first: chunk?.subarray(skip), rest, body };
    }
    skip -= chunk.length;
  }
}

async function nextOf(chunks: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
  const { done, value } = await chunks.next();
  return done === true ? undefined : value;
}

/** RFC 9110, 14.4. */
function checkRange(
  { header, body, url }: Answered<StreamAnswer>,
  offset: number,
  { size }: Descriptor,
  doing: string,
): void {
  const range = header('content-range') ?? '';
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range) ?? [];
  if (Number(first) === offset && (total === '*' || Number(total) === size)) {
    return;
  }
  body.destroy();
  throw new RegistryError(
    `${doing}: ${redactUrl(url)} was asked for the bytes from ${offset} on of ${size} and answered with ${range === '' ? 'a part of its choice' : range.slice(0, 80)}`,
    { code: 'REGISTRY_ERROR', hint: 'the registry, or a cache before it, gets ranges wrong; try again' },
  );
}
