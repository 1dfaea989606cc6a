import { join } from 'node:path';
import {
  type BuildPlan,
  type BuiltImage,
  type Engine,
  type PlannedBuild,
  planBuild,
  type RunSettings,
  runBuild,
} from '@mabuild/core';
import { formatPlatform, type ImageReference, MabuildError, type Platform } from '@mabuild/oci';
import { cacheLimit } from '../cache/place.ts';
import { keepCacheSmall, withLease } from '../cache/with-lease.ts';
import { parseImageName } from '../images/references.ts';
import { readPlatforms } from '../platforms.ts';
import { emulatorFolders } from '../programs.ts';
import type { Toolbox } from '../toolbox.ts';
import { askEarly } from './ask-early.ts';
import { cachesOf, withoutBadCaches, writeCaches } from './build-caches.ts';
import type { BuildOptions } from './build-options.ts';
import type { BuildRequest, BuildResult } from './build-request.ts';
import { type BuildSite, type InnerRequest, withBuild } from './build-site.ts';
import { copyingOf, deliver } from './deliver.ts';
import { checkDestination } from './destination.ts';
import { type EarlyPush, openEarlyPush } from './early-push.ts';
import { engineCaches } from './engine-caches.ts';
import { findingWarning } from './finding-warning.ts';
import { outputFailure, outputIn } from './output.ts';
import { parseTag } from './publish.ts';
import { openSecrets } from './secrets.ts';
import { withSourceHint } from './source-hint.ts';
import { withStageHint } from './stage-hint.ts';

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

async function buildIn(request: InnerRequest, given: BuildOptions): Promise<BuildResult> {
  const refused = new AbortController();
  const signal = given.signal ? AbortSignal.any([given.signal, refused.signal]) : refused.signal;
  const options = { ...given, signal };
  return withBuild(request, options, async (site) => {
    // What is wrong with it is said before anything is built.
    cacheLimit(site.toolbox);
    await checkOutput(site, request);
    const asked = askEarly(writtenNames(request), { registry: site.registry, signal, stop: refused });
    const early = earlyPush(site, request, options);
    try {
      return await buildAndDeliver({ ...site, early, asked }, request, options);
    } catch (error) {
      // What is stopped in its middle may have its own words for that.
      if (refused.signal.aborted) throw refused.signal.reason;
      throw await withSourceHint(error, {
        ...{ spec: request.context ?? '.', directory: site.directory, environment: site.environment },
        dockerfile: request.file ?? join(request.context ?? '.', 'Dockerfile'),
      });
    } finally {
      await Promise.all([early?.close(), asked.close()]);
    }
  });
}

async function buildAndDeliver(
  site: BuildSite,
  request: InnerRequest,
  options: BuildOptions,
): Promise<BuildResult> {
  const images = await withoutBadCaches(site.cache, options, () => buildImages(site, request, options));
  await site.asked?.wait();
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

/** Names in registries that a build writes when all goes well. */
function writtenNames({ output, tags = [], caches }: InnerRequest): readonly ImageReference[] {
  const images = output?.type === 'push' ? tags.map(parseTag) : [];
  const kept = (caches?.to ?? []).flatMap((place) =>
    place.type === 'registry' && !place.ignoreError ? [parseImageName(place.reference)] : [],
  );
  return [...images, ...kept];
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

/** Plans and builds; secrets are looked at first, so that nobody waits to hear that one is missing. */
async function buildImages(
  site: BuildSite,
  request: InnerRequest,
  options: BuildOptions,
): Promise<readonly BuiltImage[]> {
  const opened = await openSecrets(request, site);
  try {
    const planned = await plan(site, request, options).catch((error: unknown) => {
      throw withStageHint(error, site.dockerfile.text);
    });
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
      onLayer: site.early && ((layer) => site.early?.follow(layer)),
      onImage: (image) => site.early?.begin(image),
    });
  } finally {
    opened.close();
  }
}

async function plan(site: BuildSite, request: InnerRequest, options: BuildOptions): Promise<PlannedBuild> {
  const { toolbox, engine, resolver } = site;
  const { cacheFrom, buildArgs } = engineCaches(
    request.caches ?? cachesOf(request),
    request.engine ?? 'auto',
    engine.info,
  );
  return planBuild(
    {
      dockerfile: site.dockerfile.text,
      file: site.dockerfile.name,
      platforms: platformsOf(request, toolbox, engine),
      target: request.target,
      buildArgs: {
        ...toolbox.dockerConfig.proxyBuildArgs,
        ...sourceDateEpoch(site),
        ...buildArgs,
        ...request.buildArgs,
      },
      labels: request.labels ?? {},
      noCache: request.noCache ?? false,
      pull: request.pull ?? false,
      network: request.network ?? 'default',
      settings: settingsOf(request),
      cacheFrom,
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
