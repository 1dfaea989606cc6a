import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, oneOf, sdkOptions } from './options.ts';

interface LsOptions extends GlobalOptions {
  readonly format: string;
}

/** `mabuild ls REPO` */
export function lsCommand({ io }: CommandHost): Command {
  return new Command('ls')
    .description('list the tags of a repository')
    .argument('<repo>', 'repository, e.g. ghcr.io/me/app')
    .option('--format <format>', 'text or json', 'text')
    .addHelpText('after', '\nExample:\n  mabuild ls ghcr.io/me/app')
    .action(async (repository: string, options: LsOptions) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const { listTags } = await import('../sdk/images/lists.ts');
      const { formatNames } = await import('../formatters/index.ts');
      const tags = await listTags(repository, await sdkOptions(io, options));
      io.stdout.write(
        format === 'json'
          ? `${JSON.stringify({ version: 1, repository, tags }, null, 2)}\n`
          : formatNames(tags),
      );
    });
}
