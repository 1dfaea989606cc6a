import type { Io } from '../io.ts';
import { createProgress, progressModes } from '../progress/progress.ts';
import type { IndexOptions } from '../sdk/indexes/create-index.ts';
import type { IndexResult } from '../sdk/indexes/index-result.ts';
import type { IndexSource } from '../sdk/indexes/index-sources.ts';
import type { Command } from './command.ts';
import { type GlobalOptions, oneOf, paintOf, sdkOptions } from './options.ts';

/** Flags of whatever writes an index. */
export interface IndexFlags extends GlobalOptions {
  readonly indexType?: string;
  readonly dryRun?: boolean;
  readonly format: string;
  readonly progress: string;
}

/** Flags of whatever takes images from sources. */
export interface SourceFlags extends IndexFlags {
  readonly attestations: string;
  readonly verify: boolean;
}

/** Adds {@link SourceFlags} to a command. */
export function withSourceFlags(command: Command): Command {
  return command
    .option('--attestations <what>', 'keep or drop what BuildKit attests of the images', 'keep')
    .option('--no-verify', 'take images that are not what their entry says');
}

/** Adds {@link IndexFlags} to a command. */
export function withIndexFlags(command: Command): Command {
  return command
    .option('--index-type <type>', 'oci or docker (default: what the images are)')
    .option('--dry-run', 'print the index; write nothing')
    .option('--progress <mode>', progressModes.join(', '), 'auto')
    .option('--format <format>', 'text or json', 'text');
}

/** What {@link SourceFlags} ask for. */
export function sourceOptions(flags: SourceFlags): {
  readonly attestations: 'keep' | 'drop';
  readonly verify: boolean;
} {
  return {
    attestations: oneOf('--attestations', flags.attestations, ['keep', 'drop']),
    verify: flags.verify,
  };
}

/**
 * Gives sources the platforms that `--platform-of SRC=PLATFORM` names.
 * @throws MabuildError `USAGE` for what is not among the sources
 */
export async function sourcesWithPlatforms(
  sources: readonly string[],
  given: readonly string[] | undefined,
): Promise<readonly IndexSource[]> {
  const { MabuildError, parsePlatform } = await import('@mabuild/oci');
  const platforms = new Map<string, string>();
  for (const text of given ?? []) {
    const equals = text.lastIndexOf('=');
    const source = text.slice(0, equals);
    if (equals < 1 || !sources.includes(source)) {
      throw new MabuildError(`--platform-of ${JSON.stringify(text)} names none of the sources`, {
        code: 'USAGE',
        hint: `write SRC=PLATFORM, e.g. ${sources[0] ?? 'localhost:5000/app:arm'}=linux/arm/v7`,
      });
    }
    parsePlatform(text.slice(equals + 1));
    platforms.set(source, text.slice(equals + 1));
  }
  return sources.map((location) => ({ location, platform: platforms.get(location) }));
}

/** Runs what writes an index, with progress on standard error, and prints what came of it. */
export async function runIndexCommand(
  io: Io,
  flags: IndexFlags,
  write: (
    common: { readonly indexType: 'oci' | 'docker' | undefined; readonly dryRun: boolean },
    options: IndexOptions,
  ) => Promise<IndexResult>,
): Promise<void> {
  const format = oneOf('--format', flags.format, ['text', 'json']);
  const mode = oneOf('--progress', flags.progress, progressModes);
  const indexType =
    flags.indexType === undefined ? undefined : oneOf('--index-type', flags.indexType, ['oci', 'docker']);
  const dryRun = flags.dryRun ?? false;
  const progress = createProgress(mode, io, paintOf(io, 'stderr', flags));
  try {
    const result = await write(
      { indexType, dryRun },
      {
        ...(await sdkOptions(io, flags)),
        onEvent: progress.onEvent,
        onRegistryEvent: progress.onEvent,
      },
    );
    progress.close();
    const { formatIndexResult } = await import('../formatters/index.ts');
    io.stdout.write(formatIndexResult(result, { format, dryRun }));
  } finally {
    progress.close();
  }
}
