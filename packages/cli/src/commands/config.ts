import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, sdkOptions } from './options.ts';

interface ConfigOptions extends GlobalOptions {
  readonly platform?: string;
}

/** `mabuild config REF` */
export function configCommand({ io }: CommandHost): Command {
  return new Command('config')
    .description('print the config of an image, byte for byte')
    .argument('<ref>', 'image')
    .option('--platform <platform>', 'which image of an index')
    .addHelpText('after', '\nExample:\n  mabuild config --platform linux/arm64 busybox')
    .action(async (reference: string, options: ConfigOptions) => {
      const { readConfig } = await import('../sdk/images/read-image.ts');
      const { parsePlatform } = await import('@mabuild/oci');
      const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
      io.stdout.write((await readConfig({ reference, platform }, await sdkOptions(io, options))).bytes);
    });
}
