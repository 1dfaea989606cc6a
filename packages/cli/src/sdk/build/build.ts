import { rm } from 'node:fs/promises';
import {
  type BuildCache,
  type BuildContext,
  type BuildEvent,
  type BuildPlan,
  type BuiltImage,
  type Claim,
  type Engine,
  type PlannedBuild,
  planBuild,
  type RunSettings,
  runBuild,
} from '@mabuild/core';
import {
  formatPlatform,
  type ImageResolver,
  MabuildError,
  type Platform,
  type PushEvent,
} from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import { cacheLimit } from '../cache/place.ts';
import { keepCacheSmall, withLease } from '../cache/with-lease.ts';
import { sweepLeftovers } from '../leftovers.ts';
import { readPlatforms } from '../platforms.ts';
import { emulatorFolders } from '../programs.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { type SdkOptions, type Toolbox, withToolbox } from '../toolbox.ts';
import { type Caches, cacheOpener, cachesOf, withoutBadCaches, writeCaches } from './build-caches.ts';
import { openBuildEngine } from './build-engine.ts';
import type { BuildRequest, BuildResult } from './build-request.ts';
import { openRequestContext } from './context.ts';
import { checkDestination } from './destination.ts';
import { type EarlyPush, type EarlyPushOptions, openEarlyPush } from './early-push.ts';
import { exportFiles } from './export-files.ts';
import { findingWarning } from './finding-warning.ts';
import { loadImages, writeDockerArchives } from './load.ts';
import { type NamedContexts, openNamedContexts } from './named-contexts.ts';
import { outputFailure, outputIn } from './output.ts';
import { assemble, type Published, parseTag, pushSuffixedTags, pushTags, writeLayout } from './publish.ts';
import { openSecrets } from './secrets.ts';

export interface BuildOptions extends SdkOptions {
  /** Steps, logs, uploads, warnings. */
  readonly onEvent?: ((event: BuildEvent | PushEvent) => void) | undefined;
}

/** Platforms of a build that names none. */
export const defaultPlatforms: readonly string[] = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];

/**
 * Builds every platform of a Dockerfile and publishes the result: one call from an x64 Dockerfile to a manifest list.
 *
 * @throws MabuildError `BASE_PLATFORM_MISSING` before anything is built; `BUILD_FAILED`; `VERIFICATION_FAILED` before
 *   anything is published; `NO_ENGINE`; `REGISTRY_…`
 */
export async function buildAndPush(request: BuildRequest, options: BuildOptions = {}): Promise<BuildResult> {
  for (const tag of request.tags ?? []) parseTag(tag);
  readPlatforms(request.platforms ?? []);
  const caches = cachesOf(request);
  return withLease(options, (claim) => buildIn({ ...request, claim, caches }, options));
}

async function buildIn(request: InnerRequest, options: BuildOptions): Promise<BuildResult> {
  return withBuild(request, options, async (site) => {
    // What is wrong with it is said before anything is built.
    cacheLimit(site.toolbox);
    await checkOutput(site, request);
    const early = earlyPush(site, request, options);
    try {
      return await buildAndDeliver({ ...site, early }, request, options);
    } finally {
      await early?.close();
    }
  });
}

async function buildAndDeliver(
  site: BuildSite,
  request: InnerRequest,
  options: BuildOptions,
): Promise<BuildResult> {
  const images = await withoutBadCaches(site.cache, options, () => buildImages(site, request, options));
  const published = await deliver(images, site, request, options).catch((error: unknown) => {
    throw outputFailure(request.output, error);
  });
  await writeCaches(request.caches, images, site, options);
  await keepCacheSmall(site.toolbox, options);
  return {
    reference: request.tags?.[0],
    digest: published.digest,
    references: published.references,
    images: images.map((image) => ({
      platform: formatPlatform(image.task.platform),
      digest: image.descriptor.digest,
      engine: image.task.engine,
      strategy: image.task.strategy,
      seconds: image.seconds,
    })),
  };
}

/** Refuses what could not be delivered. */
async function checkOutput({ toolbox, engine }: BuildSite, request: InnerRequest): Promise<void> {
  const { output, tags = [] } = request;
  if (output === undefined) return;
  if (output.type === 'push' && tags.length === 0) {
    throw new MabuildError('pushing needs a name', {
      code: 'USAGE',
      hint: 'add a tag, e.g. -t REGISTRY/NAME:TAG',
    });
  }
  const platforms = platformsOf(request, toolbox, engine);
  await checkDestination(outputIn(output, toolbox.environment.workingDirectory), platforms.length);
}

/** Where images go to one repository; a Docker Engine gives its layers only when it is asked for the whole image. */
function earlyPush(site: BuildSite, request: InnerRequest, options: BuildOptions): EarlyPush | undefined {
  const [tag] = request.tags ?? [];
  const isPushed = request.output?.type === 'push' && !request.tagSuffix;
  if (tag === undefined || !isPushed || site.engine.info.kind !== 'embedded') return undefined;
  return openEarlyPush(parseTag(tag), copyingOf(site, options));
}

/** Says what {@link buildAndPush} would do, and writes nothing anywhere. */
export async function planImages(request: BuildRequest, options: BuildOptions = {}): Promise<BuildPlan> {
  return withBuild(request, options, async (site) => (await plan(site, request, options)).plan);
}

/** A request of a build, and what it has to do with caches. */
type InnerRequest = BuildRequest & { readonly claim?: Claim; readonly caches?: Caches };

/** Everything that one build holds open. */
interface BuildSite {
  readonly toolbox: Toolbox;
  readonly environment: Toolbox['environment'];
  readonly engine: Engine;
  readonly registry: RegistryClient;
  readonly resolver: ImageResolver;
  readonly cache: BuildCache | undefined;
  readonly early?: EarlyPush | undefined;
  readonly context: BuildContext;
  readonly named: NamedContexts;
  readonly dockerfile: { readonly text: string; readonly name: string };
  readonly temporaryDirectory: string;
}

/** Plans and builds; secrets are looked at first, so that nobody waits to hear that one is missing. */
async function buildImages(
  site: BuildSite,
  request: InnerRequest,
  options: BuildOptions,
): Promise<readonly BuiltImage[]> {
  const opened = await openSecrets(request, site);
  try {
    const planned = await plan(site, request, options);
    for (const finding of planned.plan.findings) {
      options.onEvent?.({
        type: 'warning',
        code: finding.rule,
        message: findingWarning(finding, site.dockerfile),
      });
    }
    const { environment, toolbox } = site;
    return await runBuild(planned, {
      secrets: opened.secrets,
      engine: site.engine,
      context: site.context,
      credentials: toolbox.credentials,
      memory: toolbox.memory,
      blobDirectory: toolbox.blobDirectory,
      claim: request.claim,
      temporaryDirectory: site.temporaryDirectory,
      jobs: request.jobs ?? 4,
      keepEmulator: request.keepEmulator ?? false,
      verify: request.verify ?? true,
      manifestType: request.indexType ?? 'oci',
      sourceDateEpoch: environment.variables.SOURCE_DATE_EPOCH,
      signal: options.signal,
      onEvent: options.onEvent,
      onImage: (image) => site.early?.begin(image),
    });
  } finally {
    opened.close();
  }
}

async function withBuild<T>(
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

async function plan(site: BuildSite, request: BuildRequest, options: BuildOptions): Promise<PlannedBuild> {
  const { toolbox, engine, resolver } = site;
  return planBuild(
    {
      dockerfile: site.dockerfile.text,
      file: site.dockerfile.name,
      platforms: platformsOf(request, toolbox, engine),
      target: request.target,
      buildArgs: { ...toolbox.dockerConfig.proxyBuildArgs, ...sourceDateEpoch(site), ...request.buildArgs },
      labels: request.labels ?? {},
      noCache: request.noCache ?? false,
      pull: request.pull ?? false,
      network: request.network ?? 'default',
      settings: settingsOf(request),
      builder: request.engine ?? 'auto',
      ...site.named,
      emulation: request.emulation ?? 'auto',
      baseStyle: request.baseStyle ?? toolbox.config.baseStyle ?? 'index',
      images: toolbox.config.images ?? {},
      fix: request.fix ?? false,
      keepEmulator: request.keepEmulator ?? false,
      emulatorDirectories: emulatorFolders(site.environment, request.qemu ?? toolbox.config.qemu),
    },
    { engine, resolver, signal: options.signal },
  );
}

/** `undefined` when nothing is asked for: builds without are remembered as they were. */
function settingsOf({ addHosts = [], shmSize, ulimits = [] }: BuildRequest): RunSettings | undefined {
  const isDefault = addHosts.length === 0 && shmSize === undefined && ulimits.length === 0;
  return isDefault ? undefined : { hosts: addHosts, shmSize, ulimits };
}

function sourceDateEpoch(site: BuildSite): Readonly<Record<string, string>> {
  const epoch = site.environment.variables.SOURCE_DATE_EPOCH;
  return epoch === undefined ? {} : { SOURCE_DATE_EPOCH: epoch };
}

function platformsOf(request: BuildRequest, toolbox: Toolbox, engine: Engine): readonly Platform[] {
  const platforms = readPlatforms(request.platforms ?? toolbox.config.platforms ?? defaultPlatforms);
  return platforms.length > 0 ? platforms : [engine.info.platform];
}

function copyingOf(
  site: BuildSite,
  { signal, onEvent }: BuildOptions,
): EarlyPushOptions & Pick<BuildOptions, 'onEvent'> {
  return { registry: site.registry, memory: site.toolbox.memory, jobs: 16, signal, onEvent };
}

/** Writes what was built to where the request wants it. */
async function deliver(
  images: readonly BuiltImage[],
  site: BuildSite,
  request: BuildRequest,
  options: BuildOptions,
): Promise<{ readonly digest: string; readonly references: readonly Published[] }> {
  const output = outputIn(request.output ?? { type: 'load' }, site.environment.workingDirectory);
  const tags = request.tags ?? [];
  const assembly = assemble(images, {
    index: request.index ?? 'auto',
    indexType: request.indexType ?? 'oci',
    annotations: request.annotations ?? {},
  });
  const copying = copyingOf(site, options);
  const digest = assembly.root.digest;
  switch (output.type) {
    case 'push': {
      const references = request.tagSuffix
        ? await pushSuffixedTags(images, tags, copying)
        : await pushTags(assembly, tags, {
            ...copying,
            early: site.early,
            byDigest: output.byDigest ?? false,
          });
      return { digest, references };
    }
    case 'oci':
    case 'oci-archive':
      await writeLayout(assembly, { ...output, type: output.type }, tags, copying);
      return { digest, references: [] };
    case 'docker-archive':
      return writeDockerArchives(images, output, tags, options);
    case 'local':
    case 'tar':
      await exportFiles(images, output, options);
      return { digest, references: [] };
    default:
      return loadImages(images, assembly, tags, {
        engine: site.engine,
        explicit: request.output !== undefined,
        ...copying,
      });
  }
}
