import { Command, type CommandHost } from './command.ts';
import { type IndexFlags, runIndexCommand, withIndexFlags } from './index-flags.ts';
import { collect, list } from './options.ts';

interface RemoveFlags extends IndexFlags {
  readonly platform: readonly string[];
}

/** `mabuild index remove DST --platform LIST` */
export function indexRemoveCommand({ io }: CommandHost): Command {
  const command = new Command('remove')
    .description('take platforms out of the index that a tag points at, with their attestations')
    .argument('<dst>', 'reference, or oci:DIR[:TAG]')
    .requiredOption('--platform <list>', 'comma-separated', collect);
  return withIndexFlags(command)
    .addHelpText('after', '\nExample:\n  mabuild index remove ghcr.io/me/app:1 --platform linux/arm/v6')
    .action(async (destination: string, flags: RemoveFlags) => {
      await runIndexCommand(io, flags, async (common, options) => {
        const { removeFromImageIndex } = await import('../sdk/indexes/edit-index.ts');
        return removeFromImageIndex(
          { ...common, destination, platforms: list(flags.platform) ?? [] },
          options,
        );
      });
    });
}
