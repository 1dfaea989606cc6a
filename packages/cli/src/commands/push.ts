import { createProgress, progressModes } from '../progress/progress.ts';
import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, oneOf, paintOf, sdkOptions } from './options.ts';

interface PushOptions extends GlobalOptions {
  readonly verify: boolean;
  readonly progress: string;
  readonly format: string;
}

/** `mabuild push SOURCE DST` */
export function pushCommand({ io }: CommandHost): Command {
  return new Command('push')
    .description('push an OCI layout, an archive or an image of the engine')
    .argument('<source>', 'oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE or docker:IMAGE')
    .argument('<dst>', 'reference to write')
    .option('--no-verify', 'push even what verification refuses')
    .option('--progress <mode>', progressModes.join(', '), 'auto')
    .option('--format <format>', 'text or json', 'text')
    .addHelpText('after', '\nExample:\n  mabuild push oci:./image ghcr.io/me/app:1')
    .action(async (source: string, destination: string, options: PushOptions) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const mode = oneOf('--progress', options.progress, progressModes);
      const { pushImage } = await import('../sdk/images/push-image.ts');
      const paint = paintOf(io, 'stderr', options);
      const progress = createProgress(mode, io, paint);
      try {
        const result = await pushImage(
          { source, destination, verify: options.verify },
          {
            ...(await sdkOptions(io, options)),
            onEvent: progress.onEvent,
            onRegistryEvent: progress.onEvent,
          },
        );
        progress.close();
        io.stdout.write(
          format === 'json'
            ? `${JSON.stringify({ version: 1, ...result })}\n`
            : `${result.reference}@${result.digest}\n`,
        );
      } finally {
        progress.close();
      }
    });
}
