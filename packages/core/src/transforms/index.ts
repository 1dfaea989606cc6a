export { type Change, type Draft, newDraft, revise } from './draft.ts';
export { heredocFile } from './heredoc-file.ts';
export { inheritArgs } from './inherit-args.ts';
export { type Emulator, type InjectOptions, injectQemu, runsOnTarget } from './inject-qemu.ts';
export { type LowerFlagsOptions, lowerFlags } from './lower-flags.ts';
export { type LowerOptions, lowerHeredoc } from './lower-heredoc.ts';
export { type BasePin, type PinOptions, pinBase, pinOf } from './pin-base.ts';
export {
  type BaseOptions,
  type PreparedDockerfile,
  type PrepareOptions,
  prepareDockerfile,
  wantedImages,
} from './prepare.ts';
export { pruneStages } from './prune-stages.ts';
export { dropSyntaxLine, syntaxImage } from './syntax-line.ts';
export { globalTargetArgs, targetArgs } from './target-args.ts';
