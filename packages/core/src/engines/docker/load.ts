import type { Readable } from 'node:stream';
import { type CallOptions, formatReference, type ImageReference, MabuildError } from '@mabuild/oci';
import type { EngineImage } from '../engine.ts';
import type { DockerClient } from './client.ts';
import { errorOfMessage, readMessages } from './messages.ts';

/**
 * Loads an archive and returns what it named: references, or ids where it had no names.
 * @throws MabuildError `LOAD_FAILED` with the engine's reason.
 */
export async function loadArchive(
  client: DockerClient,
  archive: Readable | Uint8Array,
  options: CallOptions = {},
): Promise<readonly string[]> {
  const action = 'POST /images/load';
  const { body } = await client.request('POST', '/images/load', {
    ...options,
    query: { quiet: true },
    headers: { 'Content-Type': 'application/x-tar' },
    body: archive,
  });
  const loaded: string[] = [];
  for await (const message of readMessages(body, {
    action,
    endpoint: client.endpoint,
    signal: options.signal,
  })) {
    const reason = errorOfMessage(message);
    if (reason !== undefined)
      throw new MabuildError(`loading an image into the engine at ${client.endpoint} failed: ${reason}`, {
        code: 'LOAD_FAILED',
        hint: 'is the archive whole, and does the engine have space left?',
      });
    for (const line of (message.stream ?? '').split('\n')) {
      const name = /^Loaded image(?: ID)?: (\S+)/.exec(line.trim())?.[1];
      if (name !== undefined) loaded.push(name);
    }
  }
  return loaded;
}

/** Gives an image of the engine a name; the name is moved if another image has it. */
export async function tagImage(
  client: DockerClient,
  imageId: string,
  reference: ImageReference,
  options: CallOptions = {},
): Promise<void> {
  const { body } = await client.request('POST', `/images/${encodeURIComponent(imageId)}/tag`, {
    ...options,
    query: {
      repo: formatReference({ registry: reference.registry, repository: reference.repository }),
      tag: reference.tag ?? 'latest',
    },
  });
  body.resume();
}

/** Removes a name, and the image with its last name; one that is already gone is no error. */
export async function removeImage(
  client: DockerClient,
  image: string,
  options: CallOptions = {},
): Promise<void> {
  const { body } = await client.request('DELETE', `/images/${encodeURIComponent(image)}`, {
    ...options,
    query: { force: true },
    allow: [404, 409],
  });
  body.resume();
}

/** What the engine has under a name or an id, or `undefined`. */
export async function inspectImage(
  client: DockerClient,
  image: string,
  options: CallOptions = {},
): Promise<EngineImage | undefined> {
  const path = `/images/${encodeURIComponent(image)}/json`;
  const answer = await client.json<{ Id?: string; Os?: string; Architecture?: string; Variant?: string }>(
    'GET',
    path,
    {
      ...options,
      allow: [404],
    },
  );
  if (answer.Id === undefined) return undefined;
  return {
    id: answer.Id,
    platform: {
      os: answer.Os ?? '',
      architecture: answer.Architecture ?? '',
      ...(answer.Variant ? { variant: answer.Variant } : {}),
    },
  };
}
