import {
  type BuildCache,
  type Builder,
  type Claim,
  type Engine,
  openEmbeddedEngine,
  type RunProgram,
  rememberingResolver,
  type Sandbox,
  sandboxLimits,
  sandboxRun,
} from '@mabuild/core';
import { type CallOptions, type ImageResolver, isMabuildError, MabuildError } from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import { version } from '../../version.ts';
import { machineOf } from '../machine.ts';
import { sandboxOf } from '../sandbox.ts';
import type { Toolbox } from '../toolbox.ts';
import { thisUser } from '../user.ts';
import type { Output } from './output.ts';

export interface BuildEngineRequest extends CallOptions {
  readonly engine?: 'auto' | Builder | undefined;
  readonly output?: Output | undefined;
  /** Folder of static qemu programs. @default the usual ones */
  readonly qemu?: string | undefined;
  /** For what lives as long as the build; the caller deletes it. */
  readonly temporaryDirectory: string;
  /** Says what is used of the cache. @default nobody deletes from it */
  readonly claim?: Claim | undefined;
  /** Opens caches that the embedded engine takes from elsewhere. @default none */
  readonly openCache?: ((registry: RegistryClient) => Promise<BuildCache>) | undefined;
}

/** Who builds, and where bases come from. */
export interface BuildEngine {
  readonly engine: Engine;
  readonly registry: RegistryClient;
  /** Finds bases in the registry, each once. */
  readonly resolver: ImageResolver;
  /** Caches that are kept elsewhere, where they were asked for. */
  readonly cache?: BuildCache | undefined;
}

/**
 * Opens the Docker Engine, or makes the embedded one: where it is asked for, and where no Docker Engine answers.
 *
 * The toolbox closes what is open; what the embedded engine leaves lies in the temporary folder.
 * @throws MabuildError `NO_ENGINE` when there is nothing to load the result into; `ENGINE_CANNOT`
 */
export async function openBuildEngine(toolbox: Toolbox, request: BuildEngineRequest): Promise<BuildEngine> {
  const { engine: wanted = 'auto', output } = request;
  const loads = output === undefined || output.type === 'load';
  if (wanted === 'embedded') {
    if (loads) {
      throw new MabuildError('the embedded engine has no store to load images into', {
        code: 'ENGINE_CANNOT',
        hint: 'write the result with -o oci:DIR or -o docker-archive:FILE, or publish it with --push',
      });
    }
    return await embedded(toolbox, request, '--engine embedded');
  }
  try {
    const engine = await toolbox.openEngine();
    const registry = await toolbox.registry(engine.info);
    return { engine, registry, resolver: rememberingResolver(registry) };
  } catch (error) {
    if (wanted !== 'auto' || !isMabuildError(error) || error.code !== 'NO_ENGINE') throw error;
    if (!loads) return await embedded(toolbox, request, 'no Docker Engine answers');
    throw new MabuildError(error.message, {
      code: error.code,
      hint: `${error.hint}; without one, write the result with -o oci:DIR or publish it with --push`,
      cause: error,
    });
  }
}

async function embedded(
  toolbox: Toolbox,
  { temporaryDirectory, qemu, claim, openCache, signal }: BuildEngineRequest,
  foundBy: string,
): Promise<BuildEngine> {
  const { environment, memory, blobDirectory, sandboxHelper } = toolbox;
  const registry = await toolbox.registry();
  const resolver = rememberingResolver(registry);
  const cache = await openCache?.(registry);
  const web = await toolbox.web();
  const platform = machineOf(environment.architecture);
  let made: SandboxParts | undefined;
  // Looked for when a RUN needs it: what is built without one needs no helper.
  const parts = (): SandboxParts => {
    made ??= sandboxParts(
      sandboxOf(environment, {
        ...{ platform, helper: sandboxHelper, qemu: qemu ?? toolbox.config.qemu, memory, claim },
      }),
    );
    return made;
  };
  const runs = environment.operatingSystem === 'linux';
  const engine = openEmbeddedEngine({
    ...{ resolver, memory, blobDirectory, claim, cache, temporaryDirectory, foundBy, version },
    platform,
    run: runs ? (...given) => parts().run(...given) : undefined,
    prepareRun: runs ? async (...given) => await parts().sandbox.prepare(...given) : undefined,
    runLimits: runs ? (wanted, call) => sandboxLimits(parts().sandbox)(wanted, call) : undefined,
    lacksNetworks: runs ? (wanted, call) => parts().sandbox.lacksNetworks(wanted, call) : undefined,
    emulation: runs ? (wanted, call) => parts().sandbox.emulation(wanted, call) : undefined,
    emulationScope: `${thisUser().uid} ${qemu ?? toolbox.config.qemu ?? ''}`,
    variables: environment.variables,
    web: (url) => web.ask(url, { method: 'GET', signal }),
  });
  return { engine, registry, resolver, cache };
}

interface SandboxParts {
  readonly sandbox: Sandbox;
  readonly run: RunProgram;
}

function sandboxParts(sandbox: Sandbox | undefined): SandboxParts {
  if (sandbox) return { sandbox, run: sandboxRun(sandbox) };
  throw new MabuildError('RUN needs a sandbox, and this system has none', {
    code: 'SANDBOX_UNAVAILABLE',
    hint: 'build on Linux, or start Docker or podman and leave out --engine embedded',
  });
}
