import { randomBytes } from 'node:crypto';
import { type CallOptions, formatPlatform, isMabuildError } from '@mabuild/oci';
import { abortable } from '../../abortable.ts';
import { contextTar } from '../../context/archive.ts';
import type { BuildContext } from '../../context/context.ts';
import { BuildFailedError } from '../build-failed.ts';
import type { EngineBuild, EngineBuildOptions } from '../engine.ts';
import { buildQuery } from './build-query.ts';
import { BuildkitFollower } from './buildkit-follower.ts';
import type { DockerClient } from './client.ts';
import type { BuildkitBuilder } from './engine.ts';
import { readMessages } from './messages.ts';
import { LostSession, sessionLost } from './session/lost-session.ts';
import { BuildSession } from './session/session.ts';

type BuildOptions = EngineBuildOptions & { readonly hasBridge: boolean };

/** How long the engine is given to hear that a build is cancelled, milliseconds. */
const cancelTimeout = 3000;

export interface DockerBuildkitOptions {
  /** How long a build may be silent once the engine has dropped its session, milliseconds. @default 30000 */
  readonly silenceAfterLoss?: number;
}

interface OpenSession {
  readonly session: BuildSession;
  readonly opened: Promise<void>;
}

/** Builds through the BuildKit inside a Docker Engine: `POST /build?version=2` and a session for what it asks back. */
export class DockerBuildkit implements BuildkitBuilder {
  readonly #client: DockerClient;
  /** Sessions by context: builds of all platforms share one where they can. */
  readonly #sessions = new Map<BuildContext, readonly OpenSession[]>();
  readonly #silenceAfterLoss: number;

  constructor(client: DockerClient, options: DockerBuildkitOptions = {}) {
    this.#client = client;
    this.#silenceAfterLoss = options.silenceAfterLoss ?? 30_000;
  }

  async build(build: EngineBuild, context: BuildContext, options: BuildOptions): Promise<string> {
    const dockerfile = { name: dockerfileName(build), text: build.dockerfile };
    const { session, opened } = this.#join(build, context, dockerfile, options);
    try {
      await abortable(opened, options.signal);
    } catch (error) {
      options.signal?.throwIfAborted();
      // An engine without sessions still builds from a tar; private bases are beyond it.
      if (!isMabuildError(error) || error.code !== 'ENGINE_REFUSED' || options.secrets) throw error;
      return this.#run(build, context, options, undefined);
    }
    try {
      return await this.#run(build, context, options, { session, name: dockerfile.name });
    } catch (error) {
      options.signal?.throwIfAborted();
      if (session.failure) throw session.failure.error;
      const isProgram = error instanceof BuildFailedError && error.exitCode !== undefined;
      throw session.lost.aborted && !isProgram ? sessionLost(this.#client.endpoint, error) : error;
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
  ): OpenSession {
    const open = (this.#sessions.get(context) ?? []).filter(({ session }) => !session.lost.aborted);
    for (const candidate of open)
      if (
        candidate.session.secrets === options.secrets &&
        candidate.session.add(build.addedFiles, dockerfile)
      )
        return candidate;
    const session = new BuildSession(context, options);
    session.add(build.addedFiles, dockerfile);
    // Not ended by one build's signal: others share it, and closing the engine ends it.
    const entry = { session, opened: session.open(this.#client) };
    this.#sessions.set(context, [...open, entry]);
    entry.opened.catch(() => {
      // The next build asks again.
      const others = (this.#sessions.get(context) ?? []).filter((other) => other !== entry);
      this.#sessions.set(context, others);
    });
    return entry;
  }

  async #run(
    build: EngineBuild,
    context: BuildContext,
    options: BuildOptions,
    shared: { readonly session: BuildSession; readonly name: string } | undefined,
  ): Promise<string> {
    const client = this.#client;
    const lost = shared && new LostSession(shared.session.lost, client.endpoint, this.#silenceAfterLoss);
    const signals = [options.signal, lost?.signal].filter((signal) => signal !== undefined);
    const signal = AbortSignal.any(signals);
    const buildId = randomBytes(16).toString('hex');
    const name = shared?.name ?? dockerfileName(build);
    const query = {
      version: 2,
      buildid: buildId,
      dockerfile: name,
      ...buildQuery(build, options),
      cachefrom: build.cacheFrom?.length ? JSON.stringify(build.cacheFrom) : undefined,
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
      for await (const message of messages) {
        lost?.heard();
        follower.take(message);
      }
    } catch (error) {
      if (signal.aborted) await this.#cancel(buildId);
      throw error;
    } finally {
      lost?.stop();
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
