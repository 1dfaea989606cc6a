import { Command, type CommandHost } from './command.ts';
import {
  runIndexCommand,
  type SourceFlags,
  sourceOptions,
  sourcesWithPlatforms,
  withIndexFlags,
  withSourceFlags,
} from './index-flags.ts';
import { collect, list } from './options.ts';

interface AddFlags extends SourceFlags {
  readonly replace?: boolean;
  readonly platform?: readonly string[];
  readonly platformOf?: readonly string[];
}

/** `mabuild index add DST SRC…` */
export function indexAddCommand({ io }: CommandHost): Command {
  const command = new Command('add')
    .description('add images to the index that a tag points at; several may do so at once')
    .argument('<dst>', 'reference, or oci:DIR[:TAG]')
    .argument('<src...>', 'as for create')
    .option('--replace', 'in place of what is there for the same platforms')
    .option('--platform <list>', 'take only these platforms of the sources', collect)
    .option('--platform-of <src=platform>', 'what a source is for, whatever it says (repeatable)', collect);
  return withIndexFlags(withSourceFlags(command))
    .addHelpText('after', '\nExample:\n  mabuild index add --replace ghcr.io/me/app:1 ghcr.io/me/app:1-armv7')
    .action(async (destination: string, sources: string[], flags: AddFlags) => {
      await runIndexCommand(io, flags, async (common, options) => {
        const { addToImageIndex } = await import('../sdk/indexes/edit-index.ts');
        return addToImageIndex(
          {
            ...common,
            ...sourceOptions(flags),
            destination,
            sources: await sourcesWithPlatforms(sources, flags.platformOf),
            platforms: list(flags.platform),
            replace: flags.replace,
          },
          options,
        );
      });
    });
}
