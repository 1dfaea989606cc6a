import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, sdkOptions } from './options.ts';

interface DigestOptions extends GlobalOptions {
  readonly platform?: string;
}

/** `mabuild digest REF` */
export function digestCommand({ io }: CommandHost): Command {
  return new Command('digest')
    .description('print the digest that a name stands for')
    .argument('<ref>', 'image')
    .option('--platform <platform>', "the digest of one platform's manifest")
    .addHelpText('after', '\nExample:\n  mabuild digest --platform linux/arm64 busybox')
    .action(async (ref: string, options: DigestOptions) => {
      const { digestOfReference } = await import('../sdk/images/registry-verbs.ts');
      const { parsePlatform } = await import('@mabuild/oci');
      const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
      io.stdout.write(
        `${await digestOfReference({ reference: ref, platform }, await sdkOptions(io, options))}\n`,
      );
    });
}
