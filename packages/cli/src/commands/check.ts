import { fileProgress } from '../progress/files.ts';
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

interface CheckOptions extends GlobalOptions {
  readonly platform?: readonly string[];
  readonly format: string;
  readonly ignore?: readonly string[];
  readonly rule?: readonly string[];
  readonly failureThreshold: string;
  readonly buildArg?: readonly string[];
  readonly online?: boolean;
  readonly offline?: boolean;
}

const formats = ['text', 'json', 'sarif', 'github', 'html'] as const;
const thresholds = ['error', 'warning', 'info', 'none'] as const;

/** `mabuild check [FILE|DIR…]` */
export function checkCommand({ io, exit }: CommandHost): Command {
  return new Command('check')
    .description('find what breaks on the platforms asked for')
    .argument(
      '[paths...]',
      'Dockerfiles, compose, bake and lock files, folders, or - for standard input (default: Dockerfile)',
    )
    .option('--platform <list>', 'e.g. linux/arm64,linux/arm/v7', collect)
    .option('--format <format>', formats.join(', '), 'text')
    .option('--ignore <id>', 'a rule to leave out (repeatable)', collect)
    .option(
      '--rule <id=level>',
      'error, warning, info or off (repeatable); a level follows a rule that is not recommended, too',
      collect,
    )
    .option('--failure-threshold <level>', thresholds.join(', '), 'error')
    .option('--build-arg <k=v>', 'for bases that an ARG names (repeatable)', collect)
    .option('--online', 'ask registries for platforms, publishers for names and checksums of downloads')
    .option('--offline', 'ask nobody (the default)')
    .addHelpText(
      'after',
      '\nExamples:\n  mabuild check --platform linux/arm/v7 Dockerfile\n  mabuild check .',
    )
    .action(async (paths: readonly string[], options: CheckOptions) => {
      const format = oneOf('--format', options.format, formats);
      const threshold = oneOf('--failure-threshold', options.failureThreshold, thresholds);
      const levels = Object.entries(keyValues('--rule', options.rule)).map(
        ([rule, level]) => [rule, oneOf('--rule', level, ['error', 'warning', 'info', 'off'])] as const,
      );
      const sdk = await sdkOptions(io, options);
      const checking = await import('../checking.ts');
      const { knownRules, requireRules } = checking;
      const rules = [...knownRules, ...(sdk.config.plugins ?? [])];
      const ignored = list(options.ignore) ?? [];
      requireRules('--ignore', ignored, rules);
      requireRules(
        '--rule',
        levels.map(([rule]) => rule),
        rules,
      );
      const platforms = namedPlatforms(options, io);
      const progress = fileProgress(io.stderr);
      const report = await checking
        .checkFiles(
          {
            paths: paths.length > 0 ? paths : ['Dockerfile'],
            stdin: io.stdin,
            platforms,
            ignore: [...ignored, ...levels.filter(([, level]) => level === 'off').map(([rule]) => rule)],
            severities: Object.fromEntries(levels.filter(([, level]) => level !== 'off')) as Record<
              string,
              'error' | 'warning' | 'info'
            >,
            buildArgs: keyValues('--build-arg', options.buildArg, io.environment),
            online: isOnline(options),
            fixed: format === 'html',
            worker: io.checkWorker,
            onFile: progress.onFile,
          },
          sdk,
        )
        .finally(progress.clear);
      const parts = checking.formatReport(report, {
        format,
        rules,
        paint: paintOf(io, 'stdout', options),
        paths: paths.length > 0 ? paths : undefined,
        namedPlatforms: platforms,
        directory: io.workingDirectory,
      });
      let bytes = 0;
      for (const part of parts) {
        bytes += Buffer.byteLength(part);
        io.stdout.write(part);
      }
      if (format === 'html') {
        const { count, formatBytes } = checking;
        io.stderr.write(`a page of ${formatBytes(bytes)} about ${count(report.files.length, 'file')}\n`);
      }
      const counts = checking.countFindings(report.files);
      const levelsThatFail = thresholds
        .slice(0, thresholds.indexOf(threshold) + 1)
        .filter((level) => level !== 'none');
      if (threshold !== 'none' && levelsThatFail.some((level) => counts[level] > 0)) exit(1);
    });
}
