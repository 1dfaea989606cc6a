import { randomBytes } from 'node:crypto';
import { type CallOptions, formatPlatform, isMabuildError } from '@mabuild/oci';
import { contextTar } from '../../context/archive.ts';
import type { BuildContext } from '../../context/context.ts';
import type { EngineBuild, EngineBuildOptions } from '../engine.ts';
import { BuildkitFollower } from './buildkit-follower.ts';
import type { DockerClient } from './client.ts';
import type { BuildkitBuilder } from './engine.ts';
import { readMessages } from './messages.ts';
import { BuildSession } from './session/session.ts';

type BuildOptions = EngineBuildOptions & { readonly hasBridge: boolean };

/** How long the engine is given to hear that a build is cancelled, milliseconds. */
const cancelTimeout = 3000;

/** Builds through the BuildKit inside a Docker Engine: `POST /build?version=2` and a session for what it asks back. */
export class DockerBuildkit implements BuildkitBuilder {
  readonly #client: DockerClient;
  /** Sessions by context: builds of all platforms share one where they can. */
  readonly #sessions = new Map<
    BuildContext,
    { readonly session: BuildSession; readonly opened: Promise<void> }[]
  >();

  constructor(client: DockerClient) {
    this.#client = client;
  }

  async build(build: EngineBuild, context: BuildContext, options: BuildOptions): Promise<string> {
    const dockerfile = { name: dockerfileName(build), text: build.dockerfile };
    const { session, opened } = this.#join(build, context, dockerfile, options);
    try {
      await opened;
    } catch (error) {
      options.signal?.throwIfAborted();
      // An engine without sessions still builds from a tar; private bases are beyond it.
      if (!isMabuildError(error) || error.code !== 'ENGINE_REFUSED') throw error;
      return this.#run(build, context, options, undefined);
    }
    try {
      return await this.#run(build, context, options, { session, name: dockerfile.name });
    } catch (error) {
      options.signal?.throwIfAborted();
      throw session.failure ? session.failure.error : error;
    }
  }

  async close(): Promise<void> {
    for (const { session } of [...this.#sessions.values()].flat()) session.close();
    this.#sessions.clear();
  }

  #join(
    build: EngineBuild,
    context: BuildContext,
    dockerfile: { readonly name: string; readonly text: string },
    options: BuildOptions,
  ): { readonly session: BuildSession; readonly opened: Promise<void> } {
    const open = this.#sessions.get(context) ?? [];
    for (const candidate of open) if (candidate.session.add(build.addedFiles, dockerfile)) return candidate;
    const session = new BuildSession(context, options);
    session.add(build.addedFiles, dockerfile);
    // Not ended by one build's signal: others share it, and closing the engine ends it.
    const entry = { session, opened: session.open(this.#client) };
    entry.opened.catch(() => {});
    this.#sessions.set(context, [...open, entry]);
    return entry;
  }

  async #run(
    build: EngineBuild,
    context: BuildContext,
    options: BuildOptions,
    shared: { readonly session: BuildSession; readonly name: string } | undefined,
  ): Promise<string> {
    const { signal } = options;
    const client = this.#client;
    const buildId = randomBytes(16).toString('hex');
    const name = shared?.name ?? dockerfileName(build);
    const query = {
      version: 2,
      buildid: buildId,
      dockerfile: name,
      platform: formatPlatform(build.platform),
      buildargs: JSON.stringify(build.buildArgs),
      labels: JSON.stringify(build.labels),
      target: build.target,
      nocache: build.noCache || undefined,
      pull: build.pull || undefined,
      networkmode: build.network === 'default' && !options.hasBridge ? 'host' : build.network,
      ...(shared ? { session: shared.session.id, remote: 'client-session' } : {}),
    };
    const tar = { addedFiles: build.addedFiles, dockerfile: { name, text: build.dockerfile }, signal };
    const follower = new BuildkitFollower(build, (event) => options.onEvent?.(event));
    try {
      const { body } = await client.request('POST', '/build', {
        signal,
        query,
        ...(shared
          ? {}
          : { headers: { 'Content-Type': 'application/x-tar' }, body: contextTar(context, tar) }),
      });
      const messages = readMessages(body, { action: 'POST /build', endpoint: client.endpoint, signal });
      for await (const message of messages) follower.take(message);
    } catch (error) {
      if (signal?.aborted) await this.#cancel(buildId);
      throw error;
    }
    return follower.finish(client.endpoint);
  }

  /** A broken connection ends a build too; asking makes sure, also behind a proxy that keeps connections. */
  async #cancel(buildId: string): Promise<void> {
    const options: CallOptions = { signal: AbortSignal.timeout(cancelTimeout) };
    try {
      const { body } = await this.#client.request('POST', '/build/cancel', {
        ...options,
        query: { id: buildId },
      });
      body.resume();
    } catch {
      // The engine is gone, and the build with it.
    }
  }
}

function dockerfileName({ platform }: EngineBuild): string {
  return `Dockerfile.${formatPlatform(platform).replaceAll('/', '-')}`;
}
