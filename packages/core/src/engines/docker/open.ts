import { type CallOptions, isMabuildError, MabuildError } from '@mabuild/oci';
import type { Memory } from '../../memory.ts';
import { type EndpointRequest, type EngineCandidate, engineCandidates } from '../endpoint.ts';
import type { Engine } from '../engine.ts';
import { DockerBuildkit } from './buildkit.ts';
import { DockerClient } from './client.ts';
import { DockerEngine } from './engine.ts';
import { readEngineInfo } from './info.ts';

export interface OpenEngineOptions extends EndpointRequest, CallOptions {
  /** This machine's kernel (`os.release()`): tells an engine in a virtual machine from one that shares our kernel. */
  readonly kernelRelease?: string | undefined;
  /** Remembers what this machine's engine was seen to run, until a restart or a registration. @default nothing is remembered */
  readonly memory?: Memory | undefined;
  /** Longest wait for an engine's first answer, milliseconds. @default 10000 */
  readonly timeoutMs?: number;
}

/**
 * Opens the Docker Engine or podman service that docker itself would use.
 *
 * @throws MabuildError `NO_ENGINE` with every endpoint that was tried and why it did not do; whatever is wrong with an
 * endpoint that was named (`ENGINE_UNREACHABLE`, `CONTEXT_NOT_FOUND`, …), which never gives way to another.
 */
export async function openDockerEngine(options: OpenEngineOptions): Promise<Engine> {
  const { named, candidates } = await engineCandidates(options);
  const tried: string[] = [];
  for (const candidate of candidates) {
    try {
      return await open(candidate, options);
    } catch (error) {
      if (!isMabuildError(error)) throw error;
      if (named) throw withOrigin(error, candidate);
      // The endpoint stands at the head of its line already.
      const why = error.message.replace(/^cannot reach the engine at \S+ \(.*?\): /, '');
      tried.push(`${candidate.endpoint} (${candidate.foundBy}): ${why}`);
    }
  }
  throw new MabuildError(
    `no Docker Engine was found; tried\n${tried.map((line) => `  ${line}`).join('\n')}`,
    {
      code: 'NO_ENGINE',
      hint: 'start Docker or podman, or name an engine with DOCKER_HOST or `docker context use`',
    },
  );
}

async function open(candidate: EngineCandidate, options: OpenEngineOptions): Promise<Engine> {
  const { signal, timeoutMs = 10_000 } = options;
  const client = new DockerClient({ address: candidate.address, endpoint: candidate.endpoint });
  try {
    await client.negotiate({ signal, timeoutMs });
    const { info, id, kernel } = await readEngineInfo(client, candidate.foundBy, { signal });
    const sameKernel =
      info.local && options.platform === 'linux' && kernel !== undefined && kernel === options.kernelRelease;
    const buildkit = info.builders.includes('buildkit') ? new DockerBuildkit(client) : undefined;
    return new DockerEngine({ client, info, sameKernel, id, memory: options.memory, buildkit });
  } catch (error) {
    await client.close();
    throw error;
  }
}

function withOrigin(error: MabuildError, { foundBy }: EngineCandidate): MabuildError {
  return new MabuildError(`${error.message}; it was named by ${foundBy}`, {
    code: error.code,
    hint: error.hint,
    cause: error,
  });
}
