export {
  type ChosenSandbox,
  chooseSandbox,
  type SandboxChoice,
  type SandboxOptions,
  type TriedSandbox,
} from './choice/choose.ts';
export type { ProotPlace } from './choice/proot-program.ts';
export { type HelperProcess, serveSandbox } from './helper/helper.ts';
export { sandboxLimits, sandboxRun } from './run-program.ts';
export { createSandbox, type Sandbox } from './sandbox.ts';
export type { SandboxRequest, SandboxResult } from './sandbox-request.ts';
export { allSandboxLeftovers } from './shelf/leftovers.ts';
export { sweepSandboxes } from './shelf/sweep.ts';
