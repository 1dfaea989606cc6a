import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { migrateDockerfile, unifiedDiff } from '@mabuild/core';
import { formatPlatform, MabuildError } from '@mabuild/oci';
import { writeWhole } from '../write-whole.ts';
import { targets } from './check.ts';
import { downloadFacts } from './download-facts.ts';
import { imageFacts } from './image-facts.ts';
import { platformSuffix } from './platform-suffix.ts';
import { readDockerfiles } from './read-dockerfiles.ts';
import { type SdkOptions, withToolbox } from './toolbox.ts';

export interface MigrateRequest {
  readonly files: readonly string[];
  readonly stdin?: Readable | undefined;
  /** @default the configuration's, else linux/arm64 and linux/arm/v7 */
  readonly platforms?: readonly string[] | undefined;
  /** @default 'portable' */
  readonly style?: 'portable' | 'per-arch' | undefined;
  /** Only these rules' fixes. */
  readonly only?: readonly string[] | undefined;
  /** @default `namespace` for per-arch, `index` for portable */
  readonly baseStyle?: 'namespace' | 'index' | undefined;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** Ask registries for platforms, and publishers for the names and checksums of downloads. @default false */
  readonly online?: boolean | undefined;
  /** Write the files. @default false */
  readonly write?: boolean | undefined;
  /** Write the only result here. */
  readonly output?: string | undefined;
}

export interface MigrateReport {
  readonly files: readonly MigratedFile[];
  /** What people must still do, a line each. */
  readonly unfixed: readonly string[];
}

export interface MigratedFile {
  /** Where the text belongs: the file itself, or `Dockerfile.arm32v7` beside it. */
  readonly path: string;
  /** The x64 file. */
  readonly source: string;
  readonly platform: string | undefined;
  readonly before: string;
  readonly after: string;
  readonly changed: boolean;
  readonly diff: string;
  readonly written: boolean;
}

/**
 * Rewrites Dockerfiles for ARM; writes only when asked to, each file whole or not at all.
 * @throws MabuildError `DOCKERFILE_SYNTAX`, `FILE_NOT_FOUND`, `USAGE` when one output is asked of several results
 */
export async function migrateFiles(
  request: MigrateRequest,
  options: SdkOptions = {},
): Promise<MigrateReport> {
  return withToolbox(options, async ({ config, environment, registry }) => {
    const directory = environment.workingDirectory;
    const platforms = targets(request.platforms, config.platforms);
    const images = imageFacts(request.online ? await registry() : undefined, options.signal);
    const downloads = request.online ? downloadFacts(options.signal) : undefined;
    const style = request.style ?? 'portable';
    const texts = await readDockerfiles(request.files, {
      directory,
      stdin: request.stdin,
      signal: options.signal,
    });
    const results: MigratedFile[] = [];
    const unfixed: string[] = [];
    for (const { path, text } of texts) {
      const migration = await migrateDockerfile(text, {
        file: path,
        platforms,
        style,
        baseStyle: request.baseStyle ?? (style === 'per-arch' ? 'namespace' : 'index'),
        images: config.images ?? {},
        only: request.only,
        facts: images,
        downloads,
        buildArgs: request.buildArgs ?? {},
      });
      for (const file of migration.files) {
        const target = file.platform ? perArchPath(path, platformSuffix(file.platform)) : path;
        results.push({
          path: target,
          source: path,
          platform: file.platform && formatPlatform(file.platform),
          before: text,
          after: file.text,
          changed: file.text !== text || target !== path,
          diff: file.text === text ? '' : unifiedDiff(text, file.text, { from: path, to: target }),
          written: false,
        });
      }
      for (const finding of migration.unfixed) unfixed.push(`${path}: ${finding.message} (${finding.rule})`);
    }
    return { files: await writeResults(results, request, directory), unfixed };
  });
}

function perArchPath(path: string, suffix: string): string {
  return path === '-' ? `Dockerfile.${suffix}` : join(dirname(path), `${basename(path)}.${suffix}`);
}

async function writeResults(
  results: readonly MigratedFile[],
  request: MigrateRequest,
  directory: string,
): Promise<readonly MigratedFile[]> {
  if (request.output !== undefined) {
    const [only] = results;
    if (!only || results.length > 1) {
      throw new MabuildError(`${results.length} results do not fit in one file`, {
        code: 'USAGE',
        hint: 'name one file and, for per-arch, one platform; or use --write',
      });
    }
    await writeWhole(resolve(directory, request.output), only.after);
    return [{ ...only, path: request.output, written: true }];
  }
  if (!request.write) return results;
  return Promise.all(
    results.map(async (file) => {
      if (!file.changed || file.source === '-') return file;
      await writeWhole(resolve(directory, file.path), file.after);
      return { ...file, written: true };
    }),
  );
}
