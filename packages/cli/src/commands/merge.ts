import { Command, type CommandHost } from './command.ts';
import {
  runIndexCommand,
  type SourceFlags,
  sourceOptions,
  withIndexFlags,
  withSourceFlags,
} from './index-flags.ts';
import { collect, keyValues, list } from './options.ts';

interface MergeFlags extends SourceFlags {
  readonly tag: readonly [string, ...string[]];
  readonly digests: string;
  readonly from?: string;
  readonly require?: readonly string[];
  readonly annotation?: readonly string[];
}

/** `mabuild merge -t DST… --digests DIR` */
export function mergeCommand({ io }: CommandHost): Command {
  const command = new Command('merge')
    .description('join what several runners pushed by digest in one index, verify it, then tag it')
    .requiredOption('-t, --tag <dst>', 'reference to write (repeatable)', collect)
    .requiredOption('--digests <dir>', 'folder of --metadata-file, --iidfile, or empty files named by digest')
    .option('--from <repository>', "where digests without a name were pushed to (default: the first tag's)")
    .option('--require <list>', 'platforms that must have come', collect)
    .option('--annotation <k=v>', 'annotation of the index (repeatable)', collect);
  return withIndexFlags(withSourceFlags(command))
    .addHelpText(
      'after',
      '\nExample:\n  mabuild merge -t ghcr.io/me/app:1 --digests ./digests --require linux/amd64,linux/arm64',
    )
    .action(async (flags: MergeFlags) => {
      await runIndexCommand(io, flags, async (common, options) => {
        const { mergeDigests } = await import('../sdk/indexes/merge-digests.ts');
        return mergeDigests(
          {
            ...common,
            ...sourceOptions(flags),
            tags: flags.tag,
            directory: flags.digests,
            repository: flags.from,
            require: list(flags.require),
            annotations: keyValues('--annotation', flags.annotation),
          },
          options,
        );
      });
    });
}
