import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Severity } from '@mabuild/core';
import { formatPlatform, type Platform, platformsEqual } from '@mabuild/oci';
import { isFile } from '../is-there.ts';
import { readPlatforms } from '../platforms.ts';
import { type SdkOptions, withToolbox } from '../toolbox.ts';
import type { AskedBuild, CheckHow, CheckJob, CheckWorld } from './check-file.ts';
import { checkMany } from './check-pool.ts';
import { downloadFacts } from './download-facts.ts';
import type { FileFindings } from './file-findings.ts';
import { type FoundFile, findFiles } from './find-files.ts';
import { followServices } from './follow-services.ts';
import { imageFacts } from './image-facts.ts';
import { perArchPaths } from './per-arch-path.ts';
import { readText } from './read-text.ts';
import { rulesFor } from './rules.ts';

/** Platforms that check and migrate look at when none are named. */
export const defaultTargets: readonly string[] = ['linux/arm64', 'linux/arm/v7'];

export interface CheckRequest {
  /** Files, folders, or `-` with `stdin`. */
  readonly paths: readonly string[];
  readonly stdin?: Readable | undefined;
  /** @default the configuration's, else linux/arm64 and linux/arm/v7 */
  readonly platforms?: readonly string[] | undefined;
  /** Rules to leave out. */
  readonly ignore?: readonly string[] | undefined;
  /** Other severities than the rules' own; a rule that is not among the recommended ones is followed when it is given one. */
  readonly severities?: Readonly<Record<string, Severity>> | undefined;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** Ask registries for platforms, and publishers for the names and checksums of downloads. @default false */
  readonly online?: boolean | undefined;
  /** Give each file's text with every fix made too, for reports that show it. @default false */
  readonly fixed?: boolean | undefined;
  /** The module that checks files in threads of their own when there are many. @default all is done in this thread */
  readonly worker?: URL | undefined;
  /** Told after each file; `total` counts Dockerfiles and lock files. */
  readonly onFile?: ((done: number, total: number) => void) | undefined;
}

export interface CheckReport {
  readonly platforms: readonly string[];
  readonly files: readonly FileFindings[];
}

/**
 * Finds what breaks on the platforms asked for: in Dockerfiles, in the services of compose and bake files, and in the
 * lock files beside them.
 *
 * Among several files, one that cannot be read has the finding `syntax`.
 * @throws MabuildError `DOCKERFILE_SYNTAX` with line and column when there is one file, `FILE_NOT_FOUND`, `NO_DOCKERFILE`
 */
export async function checkFiles(request: CheckRequest, options: SdkOptions = {}): Promise<CheckReport> {
  return withToolbox(options, async ({ config, environment, registry, web }) => {
    const platforms = targets(request.platforms, config.platforms);
    const directory = environment.workingDirectory;
    const { signal } = options;
    const found = await findFiles(request.paths, { directory, signal });
    const how: CheckHow = {
      directory,
      platforms,
      ignore: [...(config.ignore ?? []), ...(request.ignore ?? [])],
      severities: request.severities ?? {},
      buildArgs: request.buildArgs ?? {},
      fixed: request.fixed ?? false,
      lenient: found.length > 1,
    };
    const plugins = config.plugins ?? [];
    const world: CheckWorld = {
      images: imageFacts(request.online ? await registry() : undefined, signal),
      offline: !request.online,
      downloads: request.online ? downloadFacts(await web(), signal) : undefined,
      rules: [...rulesFor(how.severities), ...plugins],
    };
    const { services, jobs } = await planCheck(found, how, world, environment.variables, request.stdin);
    // Rules of a configuration are functions, which stay in their thread.
    const worker = plugins.length === 0 ? request.worker : undefined;
    const results = await checkMany(jobs, how, world, { worker, signal, onFile: request.onFile });
    const checked = new Map([...services, ...results].map((result) => [result.path, result]));
    const inOrder = [...found, ...services, ...jobs].map(({ path }) => path);
    return {
      platforms: platforms.map((platform) => formatPlatform(platform)),
      files: [...new Set(inOrder)].flatMap((path) => checked.get(path) ?? []),
    };
  });
}

export interface CheckPlan {
  readonly services: readonly FileFindings[];
  readonly jobs: readonly CheckJob[];
}

/** Reads the compose and bake files, which say how Dockerfiles are built, and lists what is left to check. */
export async function planCheck(
  found: readonly FoundFile[],
  how: CheckHow,
  world: CheckWorld,
  environment: Readonly<Record<string, string | undefined>>,
  stdin: Readable | undefined,
): Promise<CheckPlan> {
  const services: FileFindings[] = [];
  const builds = new Map<string, { path: string; asked: AskedBuild[] }>();
  for (const checked of await followServices(found, how, world, environment)) {
    services.push(checked.result);
    for (const { path, build } of checked.builds) {
      const key = resolve(how.directory, path);
      const known = builds.get(key) ?? { path, asked: [] };
      known.asked.push(build);
      builds.set(key, known);
    }
  }
  const jobs: CheckJob[] = [];
  const dockerfiles = found.flatMap(({ path, kind }) => (kind === 'dockerfile' ? [path] : []));
  const perArch = perArchPaths(dockerfiles, how.platforms);
  for (const { path, kind } of found) {
    if (kind !== 'dockerfile' && kind !== 'lockfile') continue;
    const key = resolve(how.directory, path);
    const asked = kind === 'dockerfile' ? (builds.get(key)?.asked ?? []) : [];
    builds.delete(key);
    const text = path === '-' && stdin ? { text: await readText(path, { ...how, stdin }) } : {};
    const own = perArch.get(path);
    const only = own ? { platforms: how.platforms.filter((platform) => platformsEqual(platform, own)) } : {};
    jobs.push({ path, kind, ...text, ...only, builds: asked, named: true });
  }
  for (const [key, { path, asked }] of builds) {
    if (await isFile(key)) jobs.push({ path, kind: 'dockerfile', builds: asked, named: false });
  }
  return { services, jobs };
}

/** The platforms of a request, of the configuration without x64, or the usual ARM ones. */
export function targets(
  named: readonly string[] | undefined,
  configured: readonly string[] | undefined,
): readonly Platform[] {
  const platforms = readPlatforms(named ?? configured ?? defaultTargets);
  if (named) return platforms;
  const foreign = platforms.filter((platform) => platform.architecture !== 'amd64');
  return foreign.length > 0 ? foreign : platforms;
}
