import { createProgress, progressModes } from '../progress/progress.ts';
import { Command, type CommandHost } from './command.ts';
import type { ImportFlags } from './import-flags.ts';
import { collect, type GlobalOptions, oneOf, paintOf, sdkOptions } from './options.ts';

interface ImportOptions extends GlobalOptions, ImportFlags {
  readonly platform?: string;
  readonly tag?: readonly string[];
  readonly verify: boolean;
  readonly progress: string;
  readonly format: string;
}

/** `mabuild import ROOTFS.tar` */
export function importCommand({ io }: CommandHost): Command {
  return new Command('import')
    .description('make the tar of a root filesystem a base image of one layer')
    .argument('<rootfs>', 'tar, plain or compressed with gzip, bzip2, xz or zstd; - for standard input')
    .option('--platform <platform>', "default: what the tar's programs are made for")
    .option('-t, --tag <ref>', 'name of the image (repeatable)', collect)
    .option(
      '-o, --output <output>',
      'oci:DIR, oci-archive:FILE or docker-archive:FILE instead of the registry',
    )
    .option('--load', 'load into the engine instead of pushing')
    .option('--cmd <command>', 'as CMD in a Dockerfile: \'["/bin/bash"]\' or /bin/bash')
    .option('--entrypoint <command>', 'as ENTRYPOINT in a Dockerfile')
    .option('-e, --env <k=v>', 'variable (repeatable)', collect)
    .option('--label <k=v>', 'label (repeatable)', collect)
    .option('--workdir <path>', 'working directory')
    .option('--user <user>', 'user, or user:group')
    .option('-c, --change <instruction>', 'any of CMD, ENTRYPOINT, ENV, EXPOSE, … (repeatable)', collect)
    .option('--no-verify', 'publish even what verification refuses')
    .option('--progress <mode>', progressModes.join(', '), 'auto')
    .option('--format <format>', 'text or json', 'text')
    .addHelpText(
      'after',
      '\nExamples:\n  mabuild import --platform linux/arm/v7 -t ghcr.io/me/base:1-arm32v7 rootfs.tar.xz\n  mabuild import -o oci:./base rootfs.tar.gz',
    )
    .action(async (rootfs: string, options: ImportOptions) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const mode = oneOf('--progress', options.progress, progressModes);
      const { importRootfs } = await import('../sdk/images/import-rootfs.ts');
      const { importChanges, importConfig, importOutput } = await import('./import-flags.ts');
      const output = importOutput(options);
      const progress = createProgress(mode, io, paintOf(io, 'stderr', options));
      try {
        const result = await importRootfs(
          {
            rootfs: rootfs === '-' ? io.stdin : rootfs,
            platform: options.platform,
            tags: options.tag,
            output,
            changes: importChanges(options),
            config: importConfig(options),
            verify: options.verify,
          },
          {
            ...(await sdkOptions(io, options)),
            onEvent: progress.onEvent,
            onRegistryEvent: progress.onEvent,
          },
        );
        progress.close();
        if (format === 'json') {
          io.stdout.write(`${JSON.stringify({ version: 1, ...result }, null, 2)}\n`);
          return;
        }
        if (options.platform === undefined)
          io.stderr.write(`platform: ${result.platform}, as its programs say\n`);
        const lines = result.references.map(({ reference, digest }) => `${reference}@${digest}`);
        io.stdout.write(`${(lines.length > 0 ? lines : [result.digest]).join('\n')}\n`);
      } finally {
        progress.close();
      }
    });
}
