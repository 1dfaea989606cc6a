import { Command, CommanderError } from 'commander';
import type { ExitCode } from '../exit-code.ts';
import type { Io } from '../io.ts';

/** What a command may use: the world, and a way to say how it ended without throwing. */
export interface CommandHost {
  readonly io: Io;
  /** Sets the exit code of a command that answered; the default is 0. */
  exit(code: ExitCode): void;
}

/** Defines one command: its arguments, options, help and action. Heavy imports belong inside the action. */
export type DefineCommand = (host: CommandHost) => Command;

export { Command, CommanderError };
