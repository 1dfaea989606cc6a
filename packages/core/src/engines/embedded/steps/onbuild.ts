import { listIn, withConfig } from '../state.ts';
import type { Step } from './step.ts';

export const onbuild: Step = (state, instruction) => {
  const trigger = instruction.logical.text.trim().replace(/^ONBUILD\s*/i, '');
  return withConfig(state, { OnBuild: [...listIn(state.config, 'OnBuild'), trigger] });
};
