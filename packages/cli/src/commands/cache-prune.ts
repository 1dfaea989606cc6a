import type { CachePruneFlags } from './cache-prune-flags.ts';
import { Command, type CommandHost } from './command.ts';
import { collect, oneOf, sdkOptions } from './options.ts';

/** `mabuild cache prune` */
export function cachePruneCommand({ io }: CommandHost): Command {
  return new Command('prune')
    .description('delete what builds keep; never what a build uses that runs now')
    .option('-a, --all', 'also fetched emulators, and what was found out about images and engines')
    .option('--filter <filter>', 'until=24h, unused-for=24h or type=KIND (repeatable)', collect)
    .option('--keep-storage <size>', 'leave so much of the cache, the last used first: 10GB')
    .option('--max-used-space <size>', 'the same, as buildx has it')
    .option('-f, --force', "accepted for docker's sake: nothing is asked")
    .option('--format <format>', 'text or json', 'text')
    .addHelpText(
      'after',
      '\nExamples:\n  mabuild cache prune --filter until=24h\n  mabuild cache prune --all\n  mabuild cache prune --keep-storage 5GB',
    )
    .action(async (options: CachePruneFlags) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const { pruneRequestOf } = await import('./cache-prune-flags.ts');
      const request = pruneRequestOf(options, Date.now());
      const { pruneCache } = await import('../sdk/cache/prune-cache.ts');
      const result = await pruneCache(request, await sdkOptions(io, options));
      for (const problem of result.problems) io.stderr.write(`warning: ${problem}\n`);
      const { formatPruned } = await import('../formatters/index.ts');
      io.stdout.write(
        format === 'json' ? `${JSON.stringify({ version: 1, ...result }, null, 2)}\n` : formatPruned(result),
      );
    });
}
