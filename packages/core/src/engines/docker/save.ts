import type { IncomingMessage } from 'node:http';
import { type CallOptions, formatPlatform, MabuildError, type Platform } from '@mabuild/oci';
import { compareApiVersions } from './api-version.ts';
import type { DockerClient } from './client.ts';
import { EngineRefusedError } from './client-error.ts';
import { inspectImage } from './load.ts';

/** The API that can save one platform of an image. */
const namesPlatforms = '1.48';

/**
 * What `docker save` writes.
 *
 * containerd's store fails where it lacks an image's part for the engine's own host; the part that it has is asked for
 * then, by its platform.
 * @throws MabuildError `ENGINE_REFUSED`; `IMAGE_NOT_FOUND` for such an image in an engine before Docker 28.
 */
export async function saveImage(
  client: DockerClient,
  image: string,
  options: CallOptions = {},
): Promise<IncomingMessage> {
  const save = async (platform?: Platform): Promise<IncomingMessage> => {
    const query = platform === undefined ? {} : { platform: JSON.stringify(platform) };
    const path = `/images/${encodeURIComponent(image)}/get`;
    return (await client.request('GET', path, { signal: options.signal, query })).body;
  };
  try {
    return await save();
  } catch (error) {
    if (!(error instanceof EngineRefusedError) || error.status !== 404) throw error;
    const found = await inspectImage(client, image, options);
    if (found === undefined) throw error;
    if (compareApiVersions(client.version.api, namesPlatforms) >= 0) return await save(found.platform);
    throw new MabuildError(
      `the engine at ${client.endpoint} cannot save its ${formatPlatform(found.platform)} image of ${image}: it lacks the one for its own host`,
      {
        code: 'IMAGE_NOT_FOUND',
        hint: "pull the host's platform too, or update to Docker 28, which can save one alone",
        cause: error,
      },
    );
  }
}
