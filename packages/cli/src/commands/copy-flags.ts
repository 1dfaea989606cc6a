import type { Platform } from '@mabuild/oci';
import type { Io } from '../io.ts';
import { createProgress, progressModes } from '../progress/progress.ts';
import type { CopyImagesOptions, CopyResult } from '../sdk/images/copy-images.ts';
import type { Command } from './command.ts';
import { type GlobalOptions, oneOf, paintOf, sdkOptions } from './options.ts';

/** Flags of whatever copies images. */
export interface CopyFlags extends GlobalOptions {
  readonly platform?: string;
  readonly referrers?: boolean;
  readonly progress: string;
  readonly format: string;
}

/** Adds {@link CopyFlags} to a command. */
export function withCopyFlags(command: Command): Command {
  return command
    .option('--platform <list>', 'only these platforms; one alone is a plain image')
    .option('--referrers', 'signatures, SBOMs and whatever else names the images as its subject too')
    .option('--progress <mode>', progressModes.join(', '), 'auto')
    .option('--format <format>', 'text or json', 'text');
}

/** Runs what copies, with progress on standard error, and prints what is where now. */
export async function runCopy(
  io: Io,
  flags: CopyFlags,
  copy: (
    common: { readonly platforms: readonly Platform[] | undefined; readonly referrers: boolean },
    options: CopyImagesOptions,
  ) => Promise<CopyResult>,
): Promise<void> {
  const format = oneOf('--format', flags.format, ['text', 'json']);
  const mode = oneOf('--progress', flags.progress, progressModes);
  const { parsePlatformList } = await import('@mabuild/oci');
  const { formatNames } = await import('../formatters/index.ts');
  const platforms = flags.platform === undefined ? undefined : parsePlatformList(flags.platform);
  const progress = createProgress(mode, io, paintOf(io, 'stderr', flags));
  try {
    const result = await copy(
      { platforms, referrers: flags.referrers ?? false },
      {
        ...(await sdkOptions(io, flags)),
        onEvent: progress.onEvent,
        onRegistryEvent: progress.onEvent,
      },
    );
    progress.close();
    const lines = result.images.map(({ reference, digest }) => `${reference}@${digest}`);
    io.stdout.write(
      format === 'json' ? `${JSON.stringify({ version: 1, ...result }, null, 2)}\n` : formatNames(lines),
    );
  } finally {
    progress.close();
  }
}
