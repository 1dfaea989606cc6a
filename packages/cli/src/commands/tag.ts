import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, oneOf, sdkOptions } from './options.ts';

interface TagOptions extends GlobalOptions {
  readonly format: string;
}

/** `mabuild tag SRC TAG` */
export function tagCommand({ io }: CommandHost): Command {
  return new Command('tag')
    .description('give an image of a registry another tag in its repository; nothing is copied')
    .argument('<src>', 'image, by tag or digest')
    .argument('<tag>', 'the new tag alone')
    .option('--format <format>', 'text or json', 'text')
    .addHelpText('after', '\nExample:\n  mabuild tag ghcr.io/me/app:1.4.2 1')
    .action(async (source: string, tag: string, options: TagOptions) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const { tagImage } = await import('../sdk/images/tag-image.ts');
      const result = await tagImage({ source, tag }, await sdkOptions(io, options));
      io.stdout.write(
        format === 'json'
          ? `${JSON.stringify({ version: 1, ...result })}\n`
          : `${result.reference}@${result.digest}\n`,
      );
    });
}
