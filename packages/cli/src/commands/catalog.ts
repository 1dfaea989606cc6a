import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, oneOf, sdkOptions } from './options.ts';

interface CatalogOptions extends GlobalOptions {
  readonly format: string;
}

/** `mabuild catalog REGISTRY` */
export function catalogCommand({ io }: CommandHost): Command {
  return new Command('catalog')
    .description('list the repositories of a registry that tells them')
    .argument('<registry>', 'HOST or HOST:PORT')
    .option('--format <format>', 'text or json', 'text')
    .addHelpText('after', '\nExample:\n  mabuild catalog localhost:5000')
    .action(async (registry: string, options: CatalogOptions) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const { listRepositories } = await import('../sdk/images/lists.ts');
      const { formatNames } = await import('../formatters/index.ts');
      const repositories = await listRepositories(registry, await sdkOptions(io, options));
      io.stdout.write(
        format === 'json'
          ? `${JSON.stringify({ version: 1, registry, repositories }, null, 2)}\n`
          : formatNames(repositories),
      );
    });
}
