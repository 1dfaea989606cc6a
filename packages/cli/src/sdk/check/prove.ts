import { rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { formatPlatform, isMabuildError, MabuildError } from '@mabuild/oci';
import { buildAndPush } from '../build/build.ts';
import type { BuildOptions } from '../build/build-options.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { withToolbox } from '../toolbox.ts';
import type { MigratedFile, MigrateReport } from './migrate.ts';

export interface ProveRequest {
  /** @default the folder of the Dockerfile */
  readonly context?: string | undefined;
  /** The platforms of the migration. */
  readonly platforms: readonly string[];
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** For RUN: `default`, `host` or `none`. */
  readonly network?: string | undefined;
}

/** One build of a proof. */
export interface ProofStep {
  readonly text: 'before' | 'after';
  readonly platform: string;
  /** It was built, and what came out is for its platform. */
  readonly ok: boolean;
  readonly seconds: number;
  /** Why not. */
  readonly code?: string;
  readonly message?: string;
}

/**
 * Builds a Dockerfile as it was and as it was migrated for the engine's own platform, and as it was migrated for every
 * platform asked for; verifies each result and publishes none.
 *
 * @throws MabuildError `USAGE` when the migration is not that of one Dockerfile; what finding an engine throws
 */
export async function proveMigration(
  report: MigrateReport,
  request: ProveRequest,
  options: BuildOptions = {},
): Promise<readonly ProofStep[]> {
  const sources = new Set(report.files.map(({ source }) => source));
  const [first] = report.files;
  if (!first || sources.size !== 1 || first.source === '-') {
    throw new MabuildError('a proof is that of one Dockerfile in a folder', {
      code: 'USAGE',
      hint: 'name one Dockerfile',
    });
  }
  const { host, directory, temporary } = await withToolbox(options, async ({ openEngine, environment }) => ({
    host: formatPlatform((await openEngine()).info.platform),
    directory: environment.workingDirectory,
    temporary: environment.temporaryDirectory,
  }));
  const folder = makeTemporaryFolder({ temporaryDirectory: temporary });
  const context = resolve(directory, request.context ?? dirname(first.source));
  const steps: ProofStep[] = [];
  const tryOut = async (text: 'before' | 'after', content: string, platform: string): Promise<void> => {
    const file = join(folder, 'Dockerfile');
    await writeFile(file, content);
    const started = Date.now();
    const failed = await buildAndPush(
      {
        context,
        file,
        platforms: [platform],
        buildArgs: request.buildArgs,
        network: request.network,
        output: { type: 'oci', path: join(folder, `image-${steps.length}`) },
      },
      options,
    ).then(
      () => undefined,
      (error: unknown) => {
        options.signal?.throwIfAborted();
        if (!isMabuildError(error)) throw error;
        return { code: error.code, message: error.message };
      },
    );
    const seconds = (Date.now() - started) / 1000;
    steps.push({ text, platform, ok: failed === undefined, seconds, ...failed });
  };
  try {
    await tryOut('before', first.before, host);
    for (const platform of new Set([host, ...request.platforms])) {
      const after = textFor(report.files, platform);
      if (after !== undefined) await tryOut('after', after, platform);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return steps;
}

function textFor(files: readonly MigratedFile[], platform: string): string | undefined {
  return files.find((file) => file.platform === undefined || file.platform === platform)?.after;
}
