import type { Readable } from 'node:stream';
import {
  checkDockerfile,
  type Finding,
  parseDockerfile,
  recommendedRules,
  type Severity,
} from '@mabuild/core';
import { formatPlatform, type Platform } from '@mabuild/oci';
import type { FileFindings } from '../formatters/findings.ts';
import { imageFacts } from './image-facts.ts';
import { readPlatforms } from './platforms.ts';
import { readDockerfiles } from './read-dockerfiles.ts';
import { type SdkOptions, withToolbox } from './toolbox.ts';

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
  readonly severities?: Readonly<Record<string, Severity>> | undefined;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** Ask no registry. @default false */
  readonly offline?: boolean | undefined;
}

export interface CheckReport {
  readonly platforms: readonly string[];
  readonly files: readonly FileFindings[];
}

/**
 * Finds what breaks in Dockerfiles on the platforms asked for.
 * @throws MabuildError `DOCKERFILE_SYNTAX` with line and column, `FILE_NOT_FOUND`, `NO_DOCKERFILE`
 */
export async function checkFiles(request: CheckRequest, options: SdkOptions = {}): Promise<CheckReport> {
  return withToolbox(options, async ({ config, environment, registry }) => {
    const platforms = targets(request.platforms, config.platforms);
    const images = imageFacts(request.offline ? undefined : await registry(), options.signal);
    const texts = await readDockerfiles(request.paths, {
      directory: environment.workingDirectory,
      stdin: request.stdin,
      signal: options.signal,
    });
    const files: FileFindings[] = [];
    for (const { path, text } of texts) {
      const dockerfile = parseDockerfile(text, { file: path });
      const findings: readonly Finding[] = await checkDockerfile(dockerfile, {
        platforms,
        images,
        rules: [...recommendedRules, ...(config.plugins ?? [])],
        buildArgs: request.buildArgs ?? {},
        ignore: [...(config.ignore ?? []), ...(request.ignore ?? [])],
        severities: request.severities ?? {},
      });
      files.push({ path, dockerfile, findings });
    }
    return { platforms: platforms.map((platform) => formatPlatform(platform)), files };
  });
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
