import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, sdkOptions } from './options.ts';

interface ManifestOptions extends GlobalOptions {
  readonly platform?: string;
}

/** `mabuild manifest REF` */
export function manifestCommand({ io }: CommandHost): Command {
  return new Command('manifest')
    .description('print the manifest or index that a name stands for, byte for byte')
    .argument('<ref>', 'image')
    .option('--platform <platform>', 'the manifest of one platform')
    .addHelpText('after', '\nExample:\n  mabuild manifest --platform linux/arm64 busybox')
    .action(async (reference: string, options: ManifestOptions) => {
      const { readManifest } = await import('../sdk/images/read-image.ts');
      const { parsePlatform } = await import('@mabuild/oci');
      const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
      io.stdout.write((await readManifest({ reference, platform }, await sdkOptions(io, options))).bytes);
    });
}
