export {
  type ChosenSandbox,
  chooseSandbox,
  type SandboxChoice,
  type SandboxOptions,
  type TriedSandbox,
} from './choose.ts';
export { type HelperProcess, serveSandbox } from './helper.ts';
export { allSandboxLeftovers } from './leftovers.ts';
export type { ProotPlace } from './proot-program.ts';
export { sandboxRun } from './run-program.ts';
export { createSandbox, type Sandbox, type SandboxRequest, type SandboxResult } from './sandbox.ts';
export { sweepSandboxes } from './sweep.ts';
