import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { type Finding, migrateDockerfile, recommendedRules, unifiedDiff } from '@mabuild/core';
import { formatPlatform, MabuildError, type Platform } from '@mabuild/oci';
import { writeWhole } from '../../write-whole.ts';
import { type SdkOptions, withToolbox } from '../toolbox.ts';
import { planCheck, targets } from './check.ts';
import { type CheckHow, type CheckWorld, checkFile, unreadableFinding } from './check-file.ts';
import { withEdits } from './check-services.ts';
import { downloadFacts } from './download-facts.ts';
import { isFixable } from './file-findings.ts';
import { findFiles } from './find-files.ts';
import { imageFacts } from './image-facts.ts';
import { perArchPath, perArchPaths } from './per-arch-path.ts';
import { readText } from './read-text.ts';

export interface MigrateRequest {
  /** Files, folders, or `-` with `stdin`. */
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
 * Rewrites Dockerfiles for ARM, and for the portable style the compose files that name x86; writes only when asked to,
 * each file whole or not at all.
 * @throws MabuildError `DOCKERFILE_SYNTAX`, `FILE_NOT_FOUND`, `USAGE` when one output is asked of several results
 */
export async function migrateFiles(
  request: MigrateRequest,
  options: SdkOptions = {},
): Promise<MigrateReport> {
  return withToolbox(options, async ({ config, environment, registry, web }) => {
    const directory = environment.workingDirectory;
    const platforms = targets(request.platforms, config.platforms);
    const images = imageFacts(request.online ? await registry() : undefined, options.signal);
    const downloads = request.online ? downloadFacts(await web(), options.signal) : undefined;
    const style = request.style ?? 'portable';
    const found = await findFiles(request.files, { directory, signal: options.signal });
    const how: CheckHow = {
      directory,
      platforms,
      ignore: config.ignore ?? [],
      severities: {},
      buildArgs: request.buildArgs ?? {},
      fixed: false,
      lenient: found.length > 1,
    };
    const world: CheckWorld = {
      images,
      downloads,
      rules: [...recommendedRules, ...(config.plugins ?? [])],
    };
    const plan = await planCheck(found, how, world, environment.variables, request.stdin);
    const results: MigratedFile[] = [];
    const unfixed: string[] = [];
    const tell = (path: string, findings: readonly Pick<Finding, 'message' | 'rule'>[]): void => {
      for (const { message, rule } of findings) unfixed.push(`${path}: ${message} (${rule})`);
    };
    const add = async (path: string, before: string, after: string, platform?: Platform): Promise<void> => {
      const target = platform ? perArchPath(path, platform) : path;
      const there = target === path || path === '-' ? before : await textIfThere(target, directory);
      results.push({
        path: target,
        source: path,
        platform: platform && formatPlatform(platform),
        before,
        after,
        changed: after !== there || (path === '-' && target !== path),
        diff: after === before ? '' : unifiedDiff(before, after, { from: path, to: target }),
        written: false,
      });
    };
    const dockerfiles = plan.jobs.filter(({ kind }) => kind === 'dockerfile');
    const written = perArchPaths(
      dockerfiles.map(({ path }) => path),
      platforms,
    );
    for (const job of dockerfiles) {
      options.signal?.throwIfAborted();
      const { path, builds } = job;
      // What an earlier run wrote beside a file of the same folder is its result, not another source.
      if (written.has(path) && (style === 'per-arch' || !request.files.includes(path))) continue;
      try {
        const text = job.text ?? (await readText(path, { directory }));
        const [build] = builds.length === 1 ? builds : [];
        const migration = await migrateDockerfile(text, {
          file: path,
          platforms,
          style,
          rules: world.rules,
          ignore: how.ignore,
          baseStyle: request.baseStyle ?? (style === 'per-arch' ? 'namespace' : 'index'),
          images: config.images ?? {},
          only: request.only,
          facts: images,
          downloads,
          buildArgs: { ...build?.buildArgs, ...request.buildArgs },
        });
        for (const file of migration.files) await add(path, text, file.text, file.platform);
        tell(path, migration.unfixed);
      } catch (error) {
        const finding = how.lenient ? unreadableFinding(error, '', platforms) : undefined;
        if (!finding) throw error;
        tell(path, [finding]);
      }
    }
    for (const { path, dockerfile, findings } of plan.services) {
      const fixes = style === 'portable' ? findings.filter((finding) => isMade(finding, request)) : [];
      if (fixes.length > 0) await add(path, dockerfile.text, withEdits(dockerfile.text, fixes));
      tell(
        path,
        findings.filter((finding) => !fixes.includes(finding)),
      );
    }
    for (const job of plan.jobs.filter(({ kind }) => kind === 'lockfile')) {
      tell(job.path, (await checkFile(job, how, world)).findings);
    }
    return { files: await writeResults(results, request, directory), unfixed };
  });
}

function isMade(finding: Finding, { only }: MigrateRequest): boolean {
  return isFixable(finding) && (only?.includes(finding.rule) ?? true);
}

async function textIfThere(path: string, directory: string): Promise<string | undefined> {
  return readText(path, { directory }).catch(() => undefined);
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
