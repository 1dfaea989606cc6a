import type { Readable } from 'node:stream';
import {
  checkDockerfile,
  type Finding,
  migrateDockerfile,
  parseDockerfile,
  recommendedRules,
  type Severity,
} from '@mabuild/core';
import { formatPlatform, isMabuildError, type Platform } from '@mabuild/oci';
import { type FileFindings, isFixable } from '../formatters/file-findings.ts';
import { downloadFacts } from './download-facts.ts';
import { imageFacts } from './image-facts.ts';
import { readPlatforms } from './platforms.ts';
import { type NamedText, readDockerfiles } from './read-dockerfiles.ts';
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
  /** Ask registries for platforms, and publishers for the names and checksums of downloads. @default false */
  readonly online?: boolean | undefined;
  /** Give each file's text with every fix made too, for reports that show it. @default false */
  readonly fixed?: boolean | undefined;
}

export interface CheckReport {
  readonly platforms: readonly string[];
  readonly files: readonly FileFindings[];
}

/**
 * Finds what breaks in Dockerfiles on the platforms asked for.
 * Among several files, one that is no Dockerfile has the finding `syntax`.
 * @throws MabuildError `DOCKERFILE_SYNTAX` with line and column when there is one file, `FILE_NOT_FOUND`, `NO_DOCKERFILE`
 */
export async function checkFiles(request: CheckRequest, options: SdkOptions = {}): Promise<CheckReport> {
  return withToolbox(options, async ({ config, environment, registry }) => {
    const platforms = targets(request.platforms, config.platforms);
    const images = imageFacts(request.online ? await registry() : undefined, options.signal);
    const downloads = request.online ? downloadFacts(options.signal) : undefined;
    const texts = await readDockerfiles(request.paths, {
      directory: environment.workingDirectory,
      stdin: request.stdin,
      signal: options.signal,
    });
    const files: FileFindings[] = [];
    const check = async ({ path, text }: NamedText): Promise<FileFindings> => {
      const dockerfile = parseDockerfile(text, { file: path });
      const how = {
        platforms,
        rules: [...recommendedRules, ...(config.plugins ?? [])],
        buildArgs: request.buildArgs ?? {},
        ignore: [...(config.ignore ?? []), ...(request.ignore ?? [])],
      };
      const findings = await checkDockerfile(dockerfile, {
        ...how,
        images,
        severities: request.severities ?? {},
      });
      if (!request.fixed || !findings.some(isFixable)) return { path, dockerfile, findings };
      const { files } = await migrateDockerfile(text, {
        ...how,
        style: 'portable',
        facts: images,
        downloads,
        file: path,
      });
      return { path, dockerfile, findings, fixed: files[0]?.text };
    };
    for (const text of texts) {
      try {
        files.push(await check(text));
      } catch (error) {
        // One file that is no Dockerfile shall not hide what the others have.
        const finding = texts.length > 1 ? unreadableFinding(error, text, platforms) : undefined;
        if (!finding) throw error;
        files.push({
          path: text.path,
          dockerfile: { text: text.text, file: text.path },
          findings: [finding],
        });
      }
    }
    return { platforms: platforms.map((platform) => formatPlatform(platform)), files };
  });
}

/** A syntax error as a finding, where its place is known. */
function unreadableFinding(
  error: unknown,
  { text }: NamedText,
  platforms: readonly Platform[],
): Finding | undefined {
  if (!isMabuildError(error) || !error.location) return undefined;
  const { line, column, endLine = line, endColumn = column + 1 } = error.location;
  return {
    rule: 'syntax',
    severity: 'error',
    platforms,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    range: { start: offsetOf(text, line, column), end: offsetOf(text, endLine, endColumn) },
    fix: 'none',
    edits: [],
  };
}

function offsetOf(text: string, line: number, column: number): number {
  let start = text.startsWith('\ufeff') ? 1 : 0;
  for (let current = 1; current < line; current += 1) {
    const end = text.indexOf('\n', start);
    if (end < 0) break;
    start = end + 1;
  }
  return Math.min(text.length, start + column - 1);
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
