import { MabuildError } from '@mabuild/oci';
import type { CommanderError } from './commands/command.ts';

/**
 * What commander says of wrong arguments, in our form.
 * @param argv without what follows `--`
 * @param commands names of those that there are
 */
export function asUsageError(
  error: CommanderError,
  argv: readonly string[],
  commands: ReadonlySet<string> = new Set(),
): MabuildError {
  const command = argv.find((word) => !word.startsWith('-'));
  const unknownOption = error.code === 'commander.unknownOption';
  // The word itself is not repeated: the password may be part of it.
  if (command === 'login' && unknownOption && argv.some((word) => /^(-p|--pass(word)?(=|$))/.test(word))) {
    return new MabuildError('a password is not taken from the command line, where others can read it', {
      code: 'USAGE',
      hint: 'give it on standard input: mabuild login REGISTRY -u USER --password-stdin < token.txt',
    });
  }
  if (error.code === 'commander.help' && command !== undefined && command !== 'help') {
    return new MabuildError(`mabuild ${command} is several commands`, {
      code: 'USAGE',
      hint: `\`mabuild ${command} --help\` lists them`,
    });
  }
  // `help NOTHING` shows the whole help and throws that it did.
  const said = error.code === 'commander.help' ? 'there is no such command' : error.message;
  const { message = said, meant } =
    /^(?:error: )?(?<message>[^\n]*)(?:\n\((?<meant>.*)\))?/.exec(said)?.groups ?? {};
  const list =
    command !== undefined && commands.has(command)
      ? `\`mabuild ${command} --help\` shows its options, with examples`
      : '`mabuild --help` lists the commands, `mabuild COMMAND --help` its options';
  if (command === 'build' && error.code === 'commander.excessArguments') {
    return new MabuildError('build takes one context, a folder; there are more words', {
      code: 'USAGE',
      hint: `a list has no spaces, as in --platform linux/amd64,linux/arm64; ${list}`,
    });
  }
  return new MabuildError(message, {
    code: 'USAGE',
    hint:
      command === 'run' && unknownOption && /'(?:-t|--tty)'/.test(message)
        ? 'the program gets no terminal: leave out -t; -i passes standard input on'
        : meant === undefined
          ? list
          : `${meant.replace(/^D/, 'd')} ${list}`,
  });
}
