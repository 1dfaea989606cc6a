import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, oneOf, paintOf, sdkOptions } from './options.ts';

interface VerifyOptions extends GlobalOptions {
  readonly platform?: string;
  readonly base?: string;
  readonly format: string;
}

/** `mabuild verify REF` */
export function verifyCommand({ io, exit }: CommandHost): Command {
  return new Command('verify')
    .description(
      'check that every platform of an image is what it says: blobs, config, ELF headers of what can run',
    )
    .argument('<ref>', 'image')
    .option('--platform <list>', 'only these platforms')
    .option('--base <ref>', 'leave out the layers of this base image')
    .option('--format <format>', 'text or json', 'text')
    .addHelpText('after', '\nExample:\n  mabuild verify --platform linux/arm/v7 ghcr.io/me/app:1')
    .action(async (ref: string, options: VerifyOptions) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const { verifyReference } = await import('../sdk/registry-verbs.ts');
      const { parsePlatformList } = await import('@mabuild/oci');
      const report = await verifyReference(
        {
          reference: ref,
          platforms: options.platform === undefined ? undefined : parsePlatformList(options.platform),
          base: options.base,
        },
        await sdkOptions(io, options),
      );
      const { formatVerify, verifyDocument } = await import('../formatters/index.ts');
      const paint = paintOf(io, 'stdout', options);
      io.stdout.write(
        format === 'json'
          ? `${JSON.stringify(verifyDocument(ref, report), null, 2)}\n`
          : formatVerify(ref, report, paint),
      );
      if (!report.ok) exit(1);
    });
}
