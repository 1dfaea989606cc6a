import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, oneOf, paintOf, positive, sdkOptions } from './options.ts';

interface VerifyOptions extends GlobalOptions {
  readonly platform?: string;
  readonly base?: string;
  readonly allTags?: boolean;
  readonly jobs?: string;
  readonly strict?: boolean;
  readonly format: string;
}

/** `mabuild verify REF` */
export function verifyCommand({ io, exit }: CommandHost): Command {
  return new Command('verify')
    .description(
      'check that every platform of an image is what it says: blobs, config, ELF headers of what can run',
    )
    .argument('<ref>', 'reference, oci:DIR[:TAG], oci-archive:FILE, …, or with --all-tags a repository')
    .option('--all-tags', 'every tag of the repository')
    .option('--platform <list>', 'only these platforms')
    .option(
      '--base <ref>',
      "leave out the layers of this base image (default: the one that the image's annotations name)",
    )
    .option('--strict', 'what is only a note fails too')
    .option('--jobs <n>', 'manifests, configs and layers that are read at a time')
    .option('--format <format>', 'text or json', 'text')
    .addHelpText(
      'after',
      '\nExamples:\n  mabuild verify --platform linux/arm/v7 ghcr.io/me/app:1\n  mabuild verify --all-tags ghcr.io/me/app',
    )
    .action(async (ref: string, options: VerifyOptions) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const { parsePlatformList } = await import('@mabuild/oci');
      const asked = {
        platforms: options.platform === undefined ? undefined : parsePlatformList(options.platform),
        base: options.base,
        strict: options.strict,
        jobs: options.jobs === undefined ? undefined : positive('--jobs', options.jobs),
      };
      const sdk = await sdkOptions(io, options);
      const { formatRepository, formatVerify, repositoryDocument, verifyDocument } = await import(
        '../formatters/index.ts'
      );
      const paint = paintOf(io, 'stdout', options);
      const answer = (ok: boolean, document: object, text: string): void => {
        io.stdout.write(format === 'json' ? `${JSON.stringify(document, null, 2)}\n` : text);
        if (!ok) exit(1);
      };
      if (options.allTags) {
        const { verifyRepository } = await import('../sdk/images/verify-repository.ts');
        const report = await verifyRepository({ repository: ref, ...asked }, sdk);
        answer(report.ok, repositoryDocument(report), formatRepository(report, paint));
        return;
      }
      const { verifyReference } = await import('../sdk/images/verify.ts');
      const report = await verifyReference({ reference: ref, ...asked }, sdk);
      answer(report.ok, verifyDocument(ref, report), formatVerify(ref, report, paint));
    });
}
