import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, oneOf } from './options.ts';

interface FetchFlags extends GlobalOptions {
  readonly format: string;
}

/** `mabuild emulator fetch [PROGRAM…]` */
export function emulatorFetchCommand({ io }: CommandHost): Command {
  return new Command('fetch')
    .description(
      "fetch static qemu programs and proot into the cache, as Debian packages of this machine's own sources",
    )
    .argument('[program...]', 'qemu, proot (default: both)')
    .option('--format <format>', 'text or json', 'text')
    .addHelpText('after', '\nExample:\n  mabuild emulator fetch qemu')
    .action(async (names: readonly string[], options: FetchFlags) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const programs = names.map((name) => oneOf('emulator fetch', name, ['qemu', 'proot']));
      const { fetchEmulators } = await import('../sdk/programs.ts');
      io.stderr.write('fetching Debian packages with apt; nothing is installed\n');
      const fetched = await fetchEmulators(
        { programs: programs.length === 0 ? undefined : [...new Set(programs)] },
        {
          environment: { variables: io.environment, architecture: io.architecture },
          signal: io.signal,
        },
      );
      if (format === 'json') {
        io.stdout.write(`${JSON.stringify({ version: 1, ...fetched }, null, 2)}\n`);
        return;
      }
      const { formatFetched } = await import('../formatters/index.ts');
      io.stdout.write(formatFetched(fetched));
    });
}
