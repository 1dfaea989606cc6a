import { rm } from 'node:fs/promises';
import type { BuildCache, BuildContext, Claim, Engine } from '@mabuild/core';
import type { ImageResolver } from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import { othersCache } from '../cache/others-cache.ts';
import { sweepLeftovers } from '../leftovers.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { type Toolbox, withToolbox } from '../toolbox.ts';
import type { AskedEarly } from './ask-early.ts';
import { type Caches, cacheOpener } from './build-caches.ts';
import { openBuildEngine } from './build-engine.ts';
import type { BuildOptions } from './build-options.ts';
import type { BuildRequest } from './build-request.ts';
import { openRequestContext } from './context.ts';
import type { EarlyPush } from './early-push.ts';
import { type NamedContexts, openNamedContexts } from './named-contexts.ts';

/** A request of a build, and what it has to do with caches. */
export type InnerRequest = BuildRequest & { readonly claim?: Claim; readonly caches?: Caches };

/** Everything that one build holds open. */
export interface BuildSite {
  readonly toolbox: Toolbox;
  readonly environment: Toolbox['environment'];
  readonly engine: Engine;
  readonly registry: RegistryClient;
  readonly resolver: ImageResolver;
  readonly cache: BuildCache | undefined;
  readonly early?: EarlyPush | undefined;
  readonly asked?: AskedEarly | undefined;
  readonly context: BuildContext;
  /** Where the context's files are. */
  readonly directory: string;
  readonly named: NamedContexts;
  readonly dockerfile: { readonly text: string; readonly name: string };
  readonly temporaryDirectory: string;
}

/** Opens what a build needs, and closes it. */
export async function withBuild<T>(
  request: InnerRequest,
  options: BuildOptions,
  use: (site: BuildSite) => Promise<T>,
): Promise<T> {
  return withToolbox(options, async (toolbox) => {
    const { environment } = toolbox;
    const temporaryDirectory = makeTemporaryFolder(environment);
    // Beside the build: nothing of it depends on what killed ones left.
    const sweeping = sweepLeftovers(environment, { helper: toolbox.sandboxHelper }).catch(() => []);
    let context: BuildContext | undefined;
    try {
      const opened = await openRequestContext(request, {
        environment,
        temporaryDirectory,
        signal: options.signal,
      });
      context = opened.context;
      const named = await openNamedContexts(request.buildContexts ?? {}, {
        workingDirectory: environment.workingDirectory,
        signal: options.signal,
      });
      const { engine, registry, resolver, cache } = await openBuildEngine(toolbox, {
        ...{ engine: request.engine, output: request.output, qemu: request.qemu, temporaryDirectory },
        claim: request.claim,
        openCache: cacheOpener(request.caches, toolbox, { ...options, claim: request.claim }),
        signal: options.signal,
      });
      const doubt = engine.info.kind === 'embedded' ? await othersCache(environment) : undefined;
      if (doubt !== undefined)
        options.onEvent?.({ type: 'warning', code: 'CACHE_OF_OTHERS', message: doubt });
      return await use({
        ...opened,
        named,
        toolbox,
        environment,
        engine,
        registry,
        resolver,
        cache,
        temporaryDirectory,
      });
    } finally {
      await context?.close();
      await rm(temporaryDirectory, { recursive: true, force: true });
      await sweeping;
    }
  });
}
