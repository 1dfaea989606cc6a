import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, sdkOptions } from './options.ts';

/** `mabuild blob REF@DIGEST` */
export function blobCommand({ io }: CommandHost): Command {
  return new Command('blob')
    .description('write a blob to standard output as it comes; exit 3 when it is not what its digest says')
    .argument('<ref@digest>', 'a layer or config, e.g. ghcr.io/me/app@sha256:…')
    .addHelpText(
      'after',
      `\nExample:\n  mabuild blob busybox@sha256:${'0123456789abcdef'.repeat(4)} > layer.tar.gz`,
    )
    .action(async (reference: string, options: GlobalOptions) => {
      const { readBlob } = await import('../sdk/images/read-image.ts');
      await readBlob(reference, io.stdout, await sdkOptions(io, options));
    });
}
