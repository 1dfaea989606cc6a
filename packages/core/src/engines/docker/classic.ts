import { text as readText } from 'node:stream/consumers';
import { isMabuildError, parsePlatform, platformsEqual } from '@mabuild/oci';
import { contextTar } from '../../context/archive.ts';
import type { AddedFile, BuildContext } from '../../context/context.ts';
import { parseDockerfile } from '../../dockerfile/parse.ts';
import type { EngineBuild, EngineBuildOptions } from '../engine.ts';
import { buildQuery } from './build-query.ts';
import { ClassicFollower } from './classic-follower.ts';
import type { DockerClient } from './client.ts';
import { readMessages } from './messages.ts';
import { registryConfigHeader } from './pull.ts';

/** Name of the Dockerfile inside the context that is sent. */
const dockerfileName = '.mabuild.Dockerfile';

/**
 * Builds with the classic builder: the whole context as one tar, one step after the other.
 *
 * @returns the image's id; it has no tag.
 * @throws BuildFailedError `BUILD_FAILED`.
 */
export async function buildClassic(
  client: DockerClient,
  build: EngineBuild,
  context: BuildContext,
  options: EngineBuildOptions & { readonly hasBridge: boolean },
): Promise<string> {
  const { signal } = options;
  const registryConfig = await registryConfigHeader(build.bases, options.credentials, { signal });
  const { body } = await client.request('POST', '/build', {
    signal,
    query: {
      dockerfile: dockerfileName,
      ...buildQuery(build, options),
      ...(hasOtherPlatform(build) && { platform: undefined }),
      rm: true,
      forcerm: true,
    },
    headers: {
      'Content-Type': 'application/x-tar',
      ...(registryConfig !== undefined && { 'X-Registry-Config': registryConfig }),
    },
    body: contextTar(context, {
      addedFiles: [...build.addedFiles, await hidingDockerfile(context, signal)],
      dockerfile: { name: dockerfileName, text: build.dockerfile },
      signal,
    }),
  });
  const follower = new ClassicFollower(build, (event) => options.onEvent?.(event));
  for await (const message of readMessages(body, {
    action: 'POST /build',
    endpoint: client.endpoint,
    signal,
  }))
    follower.take(message);
  return follower.finish(client.endpoint);
}

/**
 * Tells whether a stage is for another platform than the build. The builder holds `COPY --from` of such a stage to the
 * platform of the request, so that there must be none; bases have their platform by digest anyway.
 */
function hasOtherPlatform({ dockerfile, platform }: EngineBuild): boolean {
  try {
    return parseDockerfile(dockerfile).stages.some(({ platform: flag }) => {
      const value = flag?.value;
      return value !== undefined && !value.includes('$') && !platformsEqual(parsePlatform(value), platform);
    });
  } catch (error) {
    // What the builder does not read it refuses in its own words.
    if (isMabuildError(error)) return false;
    throw error;
  }
}

/**
 * A .dockerignore that makes the builder take our Dockerfile out of the context once it has read it: `COPY . .` would
 * bring it into the image otherwise. A .dockerignore of the user's that is part of the context stays, one line longer.
 */
async function hidingDockerfile(context: BuildContext, signal: AbortSignal | undefined): Promise<AddedFile> {
  let text = '.dockerignore';
  for await (const { path } of context.entries({ signal })) {
    if (path === '.dockerignore') {
      text = await readText(await context.open(path));
      break;
    }
    if (path > '.dockerignore') break;
  }
  return { path: '.dockerignore', mode: 0o644, from: { content: `${text}\n${dockerfileName}\n` } };
}
