import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, oneOf, sdkOptions } from './options.ts';

interface CacheDuOptions extends GlobalOptions {
  readonly format: string;
  readonly verbose?: boolean;
}

/** `mabuild cache du` */
export function cacheDuCommand({ io }: CommandHost): Command {
  return new Command('du')
    .description('show what the cache of builds holds, and when it was used last')
    .option('--verbose', 'every layer, cache mount and fetched program by itself')
    .option('--format <format>', 'text or json', 'text')
    .addHelpText('after', '\nExample:\n  mabuild cache du --format json')
    .action(async (options: CacheDuOptions) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const { cacheUsage } = await import('../sdk/cache/cache-usage.ts');
      const usage = await cacheUsage(await sdkOptions(io, options));
      const { formatCacheUsage } = await import('../formatters/index.ts');
      io.stdout.write(
        format === 'json'
          ? `${JSON.stringify({ version: 1, ...usage }, null, 2)}\n`
          : formatCacheUsage(usage, { verbose: options.verbose ?? false }),
      );
    });
}
