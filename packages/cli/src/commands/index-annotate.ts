import { Command, type CommandHost } from './command.ts';
import { type IndexFlags, runIndexCommand, withIndexFlags } from './index-flags.ts';
import { collect, keyValues } from './options.ts';

interface AnnotateFlags extends IndexFlags {
  readonly platform?: string;
  readonly remove?: readonly string[];
}

/** `mabuild index annotate DST [K=V…]` */
export function indexAnnotateCommand({ io }: CommandHost): Command {
  const command = new Command('annotate')
    .description('annotate the index that a tag points at, or its entry for a platform')
    .argument('<dst>', 'reference, or oci:DIR[:TAG]')
    .argument('[k=v...]', 'annotations')
    .option('--platform <platform>', 'whose entry (default: the index itself)')
    .option('--remove <k>', 'take an annotation away (repeatable)', collect);
  return withIndexFlags(command)
    .addHelpText(
      'after',
      '\nExample:\n  mabuild index annotate ghcr.io/me/app:1 org.opencontainers.image.source=https://github.com/me/app',
    )
    .action(async (destination: string, pairs: string[], flags: AnnotateFlags) => {
      await runIndexCommand(io, flags, async (common, options) => {
        const { annotateImageIndex } = await import('../sdk/indexes/edit-index.ts');
        if (pairs.length === 0 && !flags.remove) {
          const { MabuildError } = await import('@mabuild/oci');
          throw new MabuildError('there is no annotation to write', {
            code: 'USAGE',
            hint: 'write NAME=VALUE after the reference, or --remove NAME',
          });
        }
        const removed = (flags.remove ?? []).map((key) => [key, undefined] as const);
        return annotateImageIndex(
          {
            ...common,
            destination,
            platform: flags.platform,
            annotations: { ...Object.fromEntries(removed), ...keyValues('annotation', pairs) },
          },
          options,
        );
      });
    });
}
