import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, oneOf, sdkOptions } from './options.ts';

interface InspectOptions extends GlobalOptions {
  readonly format: string;
  readonly require?: string;
  readonly raw?: boolean;
}

/** `mabuild inspect REF` */
export function inspectCommand({ io, exit }: CommandHost): Command {
  return new Command('inspect')
    .description('platforms, digests, sizes and shared layers of an image')
    .argument('<ref>', 'image, e.g. docker.io/library/busybox:latest or oci:DIR')
    .option('--format <format>', 'text or json', 'text')
    .option('--require <list>', 'exit 1 unless the image has these platforms')
    .option('--raw', "the manifest's or index's own bytes")
    .addHelpText('after', '\nExample:\n  mabuild inspect --require linux/arm64,linux/arm/v7 ghcr.io/me/app:1')
    .action(async (ref: string, options: InspectOptions) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const { inspectImage } = await import('../sdk/images/registry-verbs.ts');
      const { parsePlatformList, formatPlatformList, MabuildError } = await import('@mabuild/oci');
      const required = options.require === undefined ? [] : parsePlatformList(options.require);
      const answer = await inspectImage(ref, await sdkOptions(io, options));
      if (options.raw) {
        io.stdout.write(answer.raw);
      } else if (format === 'json') {
        io.stdout.write(`${JSON.stringify({ version: 1, ...answer.report }, null, 2)}\n`);
      } else {
        const { formatInspect } = await import('../formatters/index.ts');
        io.stdout.write(formatInspect(answer.report));
      }
      const { missingPlatforms } = await import('../sdk/images/inspect.ts');
      const missing = missingPlatforms(answer.report, required);
      if (missing.length === 0) return;
      exit(1);
      throw new MabuildError(`${ref} has no image for ${formatPlatformList(missing)}`, {
        code: 'PLATFORM_MISSING',
      });
    });
}
