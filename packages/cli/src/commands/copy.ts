import { Command, type CommandHost } from './command.ts';
import { type CopyFlags, runCopy, withCopyFlags } from './copy-flags.ts';

interface CopyOptions extends CopyFlags {
  readonly allTags?: boolean;
}

const place = 'reference, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE or docker:IMAGE';

/** `mabuild copy SRC DST` */
export function copyCommand({ io }: CommandHost): Command {
  const command = new Command('copy')
    .description('copy images between registries, layouts, archives and the engine, digests unchanged')
    .argument('<src>', place)
    .argument('<dst>', 'as SRC; a tag that is left out is the one of SRC')
    .option('--all-tags', 'every tag of a repository, a layout or an OCI archive')
    .addHelpText(
      'after',
      '\nExamples:\n  mabuild copy ghcr.io/me/app:1 localhost:5000/app:1\n  mabuild copy --all-tags ghcr.io/me/app oci:./backup',
    );
  return withCopyFlags(command).action((source: string, destination: string, options: CopyOptions) =>
    runCopy(io, options, async (common, sdk) => {
      const { copyImages } = await import('../sdk/images/copy-images.ts');
      return copyImages({ source, destination, allTags: options.allTags, ...common }, sdk);
    }),
  );
}
