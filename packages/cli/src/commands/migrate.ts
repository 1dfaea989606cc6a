import type { Io } from '../io.ts';
import type { MigrateReport } from '../sdk/check/migrate.ts';
import type { ProofStep } from '../sdk/check/prove.ts';
import type { SdkOptions } from '../sdk/toolbox.ts';
import { Command, type CommandHost } from './command.ts';
import {
  collect,
  type GlobalOptions,
  isOnline,
  keyValues,
  list,
  namedPlatforms,
  oneOf,
  paintOf,
  sdkOptions,
} from './options.ts';

interface MigrateOptions extends GlobalOptions {
  readonly platform?: readonly string[];
  readonly style: string;
  readonly write?: boolean;
  readonly output?: string;
  readonly check?: boolean;
  readonly only?: readonly string[];
  readonly baseStyle?: string;
  readonly buildArg?: readonly string[];
  readonly online?: boolean;
  readonly offline?: boolean;
  readonly prove?: boolean;
  readonly context?: string;
  readonly network: string;
  readonly format: string;
}

/** `mabuild migrate [FILE|DIR…]` */
export function migrateCommand({ io, exit }: CommandHost): Command {
  return new Command('migrate')
    .description('rewrite x64 Dockerfiles for ARM; prints a unified diff')
    .argument(
      '[files...]',
      'Dockerfiles, compose files, folders, or - for standard input (default: Dockerfile)',
    )
    .option('--platform <list>', 'e.g. linux/arm64,linux/arm/v7', collect)
    .option('--style <style>', 'portable (one file) or per-arch (Dockerfile.arm32v7 and its kin)', 'portable')
    .option('--write', 'write the files')
    .option('--output <file>', 'write one result to a file, - for standard output')
    .option('--check', 'exit 1 when something would change; write nothing')
    .option('--only <id>', "only this rule's fixes (repeatable)", collect)
    .option('--base-style <style>', 'namespace (default for per-arch) or index')
    .option('--build-arg <k=v>', 'for bases that an ARG names (repeatable)', collect)
    .option('--online', 'ask registries for platforms, publishers for names and checksums of downloads')
    .option('--offline', 'ask nobody (the default)')
    .option(
      '--prove',
      'build before and after with the engine at hand, publish nothing; exit 1 when it fails',
    )
    .option('--context <dir>', "for --prove (default: the Dockerfile's folder)")
    .option('--network <mode>', 'default, host or none, for RUN of --prove', 'default')
    .option('--format <format>', 'text or json', 'text')
    .addHelpText(
      'after',
      '\nExample:\n  mabuild migrate --style per-arch --platform linux/arm/v7 --write Dockerfile',
    )
    .action(async (files: readonly string[], options: MigrateOptions) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const sdk = await sdkOptions(io, options);
      const only = list(options.only);
      const { recommendedRules, serviceRules } = await import('@mabuild/core');
      const { requireRules } = await import('../sdk/check/rules.ts');
      requireRules('--only', only ?? [], [
        ...recommendedRules,
        ...serviceRules,
        ...(sdk.config.plugins ?? []),
      ]);
      const { defaultTargets } = await import('../sdk/check/check.ts');
      const { migrateFiles } = await import('../sdk/check/migrate.ts');
      const platforms = namedPlatforms(options, io);
      const report = await migrateFiles(
        {
          files: files.length > 0 ? files : ['Dockerfile'],
          stdin: io.stdin,
          platforms,
          style: oneOf('--style', options.style, ['portable', 'per-arch']),
          only,
          baseStyle:
            options.baseStyle === undefined
              ? undefined
              : oneOf('--base-style', options.baseStyle, ['namespace', 'index']),
          buildArgs: keyValues('--build-arg', options.buildArg, io.environment),
          online: isOnline(options),
          write: (options.write ?? false) && !options.check,
          output: options.check || options.output === '-' ? undefined : options.output,
        },
        sdk,
      );
      const proof = options.prove ? await prove(report, options, platforms, sdk, io) : undefined;
      const { formatMigration, formatProof, migrationDocument } = await import('../formatters/index.ts');
      const paint = paintOf(io, 'stdout', options);
      if (format === 'json')
        io.stdout.write(`${JSON.stringify(migrationDocument(report, proof), null, 2)}\n`);
      else if (options.output === '-') for (const file of report.files) io.stdout.write(file.after);
      else io.stdout.write(formatMigration(report, paint));
      const targets = platforms ?? sdk.config.platforms ?? defaultTargets;
      if (format === 'text' && report.unfixed.length === 0 && !report.files.some((file) => file.changed))
        io.stderr.write(`nothing to change for ${targets.join(', ')}\n`);
      for (const note of report.unfixed) io.stderr.write(`${note}\n`);
      if (proof && format === 'text') io.stderr.write(formatProof(proof));
      if (proof?.some(({ text, ok }) => text === 'after' && !ok)) exit(1);
      if (options.check && report.files.some((file) => file.changed)) exit(1);
    });
}

async function prove(
  report: MigrateReport,
  options: MigrateOptions,
  platforms: readonly string[] | undefined,
  sdk: SdkOptions,
  io: Io,
): Promise<readonly ProofStep[]> {
  const { proveMigration } = await import('../sdk/check/prove.ts');
  const { defaultTargets } = await import('../sdk/check/check.ts');
  return proveMigration(
    report,
    {
      context: options.context,
      platforms: platforms ?? sdk.config?.platforms ?? defaultTargets,
      buildArgs: keyValues('--build-arg', options.buildArg, io.environment),
      network: oneOf('--network', options.network, ['default', 'host', 'none']),
    },
    sdk,
  );
}
