import { Command, type CommandHost } from './command.ts';
import {
  runIndexCommand,
  type SourceFlags,
  sourceOptions,
  sourcesWithPlatforms,
  withIndexFlags,
  withSourceFlags,
} from './index-flags.ts';
import { collect, keyValues, list } from './options.ts';

interface CreateFlags extends SourceFlags {
  readonly tag: readonly string[];
  readonly platform?: readonly string[];
  readonly platformOf?: readonly string[];
  readonly annotation?: readonly string[];
}

/** `mabuild index create -t DST… SRC…` */
export function indexCreateCommand({ io }: CommandHost): Command {
  const command = new Command('create')
    .description('join images, wherever they are, in one index')
    .argument(
      '<src...>',
      'references, oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE; indexes are flattened',
    )
    .requiredOption('-t, --tag <dst>', 'reference to write, or oci:DIR[:TAG] (repeatable)', collect)
    .option('--platform <list>', 'take only these platforms of the sources', collect)
    .option('--platform-of <src=platform>', 'what a source is for, whatever it says (repeatable)', collect)
    .option('--annotation <k=v>', 'annotation of the index (repeatable)', collect);
  return withIndexFlags(withSourceFlags(command))
    .addHelpText(
      'after',
      '\nExamples:\n  mabuild index create -t localhost:5000/app:1 localhost:5000/app:amd64 oci:./image\n  mabuild index create -t ghcr.io/me/app:1 --platform-of ghcr.io/me/app:pi=linux/arm/v6 ghcr.io/me/app:pi',
    )
    .action(async (sources: string[], flags: CreateFlags) => {
      await runIndexCommand(io, flags, async (common, options) => {
        const { createImageIndex } = await import('../sdk/indexes/create-index.ts');
        return createImageIndex(
          {
            ...common,
            ...sourceOptions(flags),
            tags: flags.tag,
            sources: await sourcesWithPlatforms(sources, flags.platformOf),
            platforms: list(flags.platform),
            annotations: keyValues('--annotation', flags.annotation),
          },
          options,
        );
      });
    });
}
