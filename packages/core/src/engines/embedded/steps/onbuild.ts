import type { Instruction, Stage } from '../../../dockerfile/model.ts';
import { parseDockerfile } from '../../../dockerfile/parse.ts';
import { listIn, withConfig } from '../state.ts';
import { type Step, type StepSite, stepFailed } from './step.ts';

export const onbuild: Step = (state, instruction) => {
  const trigger = instruction.logical.text.trim().replace(/^ONBUILD\s*/i, '');
  return withConfig(state, { OnBuild: [...listIn(state.config, 'OnBuild'), trigger] });
};

/** A trigger of the base as an instruction of this file, standing where the base is named. */
export function triggerOf(trigger: string, stage: Stage, site: StepSite): Instruction {
  try {
    const { instructions } = parseDockerfile(`FROM scratch\n${trigger}`);
    const [, instruction] = instructions;
    if (!instruction || instructions.length !== 2) throw new Error('it is not one instruction');
    const { startLine, endLine, range } = stage.from;
    return { ...instruction, startLine, endLine, range };
  } catch (cause) {
    const reason = `the base's trigger ONBUILD ${trigger} cannot be read: ${(cause as Error).message}`;
    throw stepFailed(site, stage.from, reason, { cause });
  }
}
