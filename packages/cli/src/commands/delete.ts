import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, oneOf, paintOf, sdkOptions } from './options.ts';

interface DeleteOptions extends GlobalOptions {
  readonly manifest?: boolean;
  readonly format: string;
}

/** `mabuild delete REF` */
export function deleteCommand({ io }: CommandHost): Command {
  return new Command('delete')
    .description('delete a tag and nothing else; or, by digest, a manifest with every tag of it')
    .argument('<ref>', 'NAME:TAG or NAME@DIGEST')
    .option('--manifest', 'delete the manifest that the tag points at, with every tag of it')
    .option('--format <format>', 'text or json', 'text')
    .addHelpText('after', '\nExample:\n  mabuild delete ghcr.io/me/app:old')
    .action(async (reference: string, options: DeleteOptions) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const { deleteImage } = await import('../sdk/images/delete-image.ts');
      const { deletedDocument, deletionWarnings } = await import('../formatters/index.ts');
      const result = await deleteImage(
        { reference, manifest: options.manifest },
        await sdkOptions(io, options),
      );
      const paint = paintOf(io, 'stderr', options);
      for (const line of deletionWarnings(result)) io.stderr.write(`${paint.warning('warning:')} ${line}\n`);
      io.stdout.write(
        format === 'json' ? `${JSON.stringify(deletedDocument(result))}\n` : `deleted ${result.deleted}\n`,
      );
    });
}
