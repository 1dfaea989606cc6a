import { pipeline, type Readable } from 'node:stream';
import { type Descriptor, type ReadOptions, verifyingStream } from '@mabuild/oci';
import { pullScope } from '../access/scope.ts';
import { RegistryError, redactUrl } from '../error.ts';
import type { Answered, StreamHostRequest } from '../host/registry-host.ts';
import type { StreamAnswer } from '../http/http-message.ts';
import { blobPath, type Repository } from '../repository.ts';
import { type BodyPart, beginBody, ResumedBody } from './resumed-body.ts';

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
  const openAt = (offset: number): Promise<BodyPart> =>
    repository.host.retrying(request, async () => {
      const headers = offset > 0 ? { headers: { range: `bytes=${offset}-` } } : {};
      const answer = await repository.host.stream({ ...request, ...headers });
      if (answer.status === 206) {
        checkRange(answer, offset, descriptor, request.doing);
      }
      // Registries that do not know Range send everything again.
      return beginBody(answer.body, answer.status === 206 ? 0 : offset);
    });

  const body = new ResumedBody(await openAt(0), openAt, signal);
  if (unverified === true) {
    body.on('error', () => undefined);
    return body;
  }
  const verified = verifyingStream(descriptor, `blob ${descriptor.digest} of ${repository.name}`);
  // Errors reach the reader through the stream itself.
  pipeline(body, verified, () => undefined);
  return verified;
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
