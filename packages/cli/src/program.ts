import { isMabuildError } from '@mabuild/oci';
import { Command, CommanderError } from './commands/command.ts';
import { commands } from './commands/index.ts';
import { collect } from './commands/options.ts';
import { type ExitCode, exitCodeOf } from './exit-code.ts';
import { asFileError } from './file-error.ts';
import { formatError, formatErrorJson } from './formatters/error.ts';
import { Interrupted, type Io } from './io.ts';
import { environmentOf } from './sdk/environment.ts';
import { paintFor } from './text/paint.ts';
import { asUsageError } from './usage-error.ts';
import { version } from './version.ts';

/** Parses the arguments, runs the command and says how it ended. Never throws. */
export async function runProgram(io: Io, argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const program = createProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // The bare name asks what there is; an action of its own would take every misspelt command for an argument.
    if (error instanceof CommanderError && error.code === 'commander.help' && program.args.length === 0) {
      program.outputHelp();
      return 0;
    }
    // What follows -- is another program's.
    const end = argv.indexOf('--');
    const names = new Set(program.commands.map((command) => command.name()));
    return reportError(error, io, end < 0 ? argv : argv.slice(0, end), names);
  }
}

/** The whole command tree, for running and for the test that holds `--help` and docs/cli.md together. */
export function createProgram(io: Io, exit: (code: ExitCode) => void): Command {
  const program = new Command('mabuild')
    .description(
      'Takes the Dockerfile you have, which builds for x64, and gives you images that run on ARM too.',
    )
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      // Errors of usage are thrown and written once, by reportError.
      writeErr: () => {},
    })
    .usage('COMMAND [options]')
    .showHelpAfterError(false)
    .enablePositionalOptions()
    .commandsGroup('On this machine:')
    .helpCommand('help [command]', 'the options of a command')
    .addHelpText('after', startHere);
  withGlobalOptions(program).hook('preAction', (_, command) => takeOver(command.parent, command));
  const defined = Object.entries(commands).flatMap(([heading, group]) =>
    group.map((define) => define({ io, exit }).helpGroup(heading)),
  );
  for (const command of defined) {
    for (const each of [command, ...command.commands]) {
      withGlobalOptions(each)
        .exitOverride()
        .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: () => {} });
    }
    program.addCommand(command);
  }
  return program;
}

const startHere = `
Start here, in a folder with a Dockerfile:
  mabuild doctor                                    what this machine builds, and how
  mabuild check                                     what of it breaks on ARM
  mabuild build -o oci:./image                      x64, arm64 and arm/v7, as one image in a folder
  mabuild run --platform linux/arm64 oci:./image    and start one of them

\`mabuild COMMAND --help\` shows the options of a command, with examples.`;

/** They are read before the command's name and after it. */
function withGlobalOptions(command: Command): Command {
  return command
    .optionsGroup('For every command:')
    .helpOption('-h, --help', 'display help for command')
    .option('--debug', 'show what led to an error')
    .option('--no-color', 'plain text (NO_COLOR is honoured too)')
    .option('--config <file>', 'configuration instead of the nearest mabuild.config.{js,mjs,json,yaml}')
    .option('--mirror <host=url>', 'read HOST through URL first (repeatable)', collect);
}

/** Gives a command what was said before its name; what was said after it wins, and mirrors add up. */
function takeOver(before: Command | null, command: Command): void {
  if (before === null) return;
  takeOver(before.parent, before);
  for (const [name, value] of Object.entries(before.opts<Record<string, unknown>>())) {
    if (before.getOptionValueSource(name) !== 'cli') continue;
    const own = command.getOptionValueSource(name) === 'cli' ? command.getOptionValue(name) : undefined;
    if (Array.isArray(value) && Array.isArray(own))
      command.setOptionValueWithSource(name, [...value, ...own], 'cli');
    else if (own === undefined) command.setOptionValueWithSource(name, value, 'cli');
  }
}

function reportError(
  thrown: unknown,
  io: Io,
  argv: readonly string[],
  commands: ReadonlySet<string>,
): ExitCode {
  const { cacheDirectory } = environmentOf({
    variables: io.environment,
    workingDirectory: io.workingDirectory,
  });
  const error = asFileError(thrown, cacheDirectory);
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    return reportError(asUsageError(error, argv, commands), io, argv, commands);
  }
  const reason = io.signal.aborted ? io.signal.reason : error;
  if (reason instanceof Interrupted) {
    io.stderr.write(`${reason.message}\n`);
    return 130;
  }
  if (wantsJson(argv)) io.stderr.write(formatErrorJson(error));
  else {
    const color = !argv.includes('--no-color');
    const paint = paintFor({ isTTY: io.stderr.isTTY, color, environment: io.environment });
    io.stderr.write(formatError(error, { paint, debug: argv.includes('--debug') || !isMabuildError(error) }));
  }
  return exitCodeOf(error);
}

function wantsJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) => word === '--format=json' || (word === '--format' && argv[index + 1] === 'json'),
  );
}
