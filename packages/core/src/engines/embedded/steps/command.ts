import type { Instruction } from '../../../dockerfile/model.ts';
import { goQuoteList } from '../go-format.ts';
import { listIn, type StageState, withConfig, withHistory } from '../state.ts';
import type { Step } from './step.ts';

/** The shell that runs commands which are no JSON lists. */
export function shellOf(state: StageState): readonly string[] {
  const shell = listIn(state.config, 'Shell');
  return shell.length > 0 ? shell : ['/bin/sh', '-c'];
}

export const command: Step = (state, instruction) => {
  const words = commandWords(state, instruction);
  return withHistory(
    { ...withConfig(state, { Cmd: words, ArgsEscaped: true }), commandSet: true },
    `CMD ${goQuoteList(words)}`,
  );
};

export const entrypoint: Step = (state, instruction) => {
  const words = commandWords(state, instruction);
  // A CMD of the base was written for the base's ENTRYPOINT.
  const config = state.commandSet ? { Entrypoint: words } : { Entrypoint: words, Cmd: undefined };
  return withHistory(withConfig(state, config), `ENTRYPOINT ${goQuoteList(words)}`);
};

export const shell: Step = (state, instruction) =>
  withHistory(withConfig(state, { Shell: instruction.args }), `SHELL [${instruction.args.join(' ')}]`);

function commandWords(state: StageState, instruction: Instruction): readonly string[] {
  return instruction.json ? instruction.args : [...shellOf(state), instruction.args.join(' ')];
}
