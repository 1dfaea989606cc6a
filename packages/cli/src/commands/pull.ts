import { Command, type CommandHost } from './command.ts';
import { type CopyFlags, runCopy, withCopyFlags } from './copy-flags.ts';

/** `mabuild pull REF DST` */
export function pullCommand({ io }: CommandHost): Command {
  const command = new Command('pull')
    .description('copy an image of a registry to this machine')
    .argument('<ref>', 'image')
    .argument('<dst>', 'oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE or docker:IMAGE')
    .addHelpText(
      'after',
      '\nExample:\n  mabuild pull --platform linux/arm64 busybox docker-archive:busybox.tar',
    );
  return withCopyFlags(command).action((reference: string, destination: string, options: CopyFlags) =>
    runCopy(io, options, async (common, sdk) => {
      const { pullImage } = await import('../sdk/images/pull-image.ts');
      return pullImage({ reference, destination, ...common }, sdk);
    }),
  );
}
