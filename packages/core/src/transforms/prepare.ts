import type { AddedFile } from '../context/context.ts';
import type { BuildTarget, ImageUse } from '../dockerfile/image-uses.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { retargetBase, retargetedUses } from '../dockerfile/retarget-base.ts';
import type { BaseStyle, ImageMapping } from '../dockerfile/retarget-reference.ts';
import { targetStage } from '../dockerfile/stage-graph.ts';
import type { Builder, BuilderCapabilities } from '../engines/engine.ts';
import { type Draft, newDraft, revise } from './draft.ts';
import { inheritArgs } from './inherit-args.ts';
import { type Emulator, injectQemu } from './inject-qemu.ts';
import { lowerFlags } from './lower-flags.ts';
import { lowerHeredoc } from './lower-heredoc.ts';
import { type BasePin, pinBase } from './pin-base.ts';
import { pruneStages } from './prune-stages.ts';
import { dropSyntaxLine, syntaxImage } from './syntax-line.ts';
import { globalTargetArgs, targetArgs } from './target-args.ts';

/** How base images of a build are named. */
export interface BaseOptions extends BuildTarget {
  /** `namespace`: `arm32v7/x` with its `--platform`; `index`: names stay. @default 'index' */
  readonly baseStyle?: BaseStyle | undefined;
  /** The user's own ARM images. */
  readonly images?: ImageMapping | undefined;
}

export interface PrepareOptions extends BaseOptions {
  readonly builder: Builder;
  readonly capabilities: BuilderCapabilities;
  /** Keep `# syntax=`: BuildKit can fetch the frontend, which then knows heredocs and every flag. @default false */
  readonly keepSyntax?: boolean | undefined;
  /** What {@link wantedImages} asked for, as the registry has it. */
  readonly bases: readonly BasePin[];
  /** For RUN steps of a platform that the host does not run by itself. */
  readonly emulator?: Emulator | undefined;
}

/** A Dockerfile as an engine gets it. */
export interface PreparedDockerfile {
  readonly text: string;
  readonly addedFiles: readonly AddedFile[];
  readonly buildArgs: Readonly<Record<string, string>>;
  /** What to ask the engine for; `undefined` for the last stage. */
  readonly target: string | undefined;
  /** The line of the user's file that a line of `text` comes from; both count from 1. */
  originalLine(line: number): number;
}

/** The images that a build needs from outside, under the names and platforms that it will ask for. */
export function wantedImages(dockerfile: Dockerfile, options: BaseOptions): readonly ImageUse[] {
  return retargetedUses(dockerfile, retargeting(options)).map(({ use, to }) => ({ ...use, ...to }));
}

/**
 * Makes of a user's Dockerfile what one builder needs for one platform.
 *
 * @throws MabuildError `NEEDS_BUILDKIT`, `ONBUILD_NEEDS_EMULATOR`, and what {@link wantedImages} throws.
 */
export function prepareDockerfile(dockerfile: Dockerfile, options: PrepareOptions): PreparedDockerfile {
  const { builder, capabilities } = options;
  const classic = builder === 'classic';
  const frontend = !classic && options.keepSyntax === true && syntaxImage(dockerfile) !== undefined;
  const known = frontend ? { heredoc: true, link: true, runNetwork: true } : capabilities;
  let draft: Draft = newDraft(dockerfile);
  const step = (change: (current: Dockerfile) => Parameters<typeof revise>[1]): void => {
    draft = revise(draft, change(draft.dockerfile));
  };
  let build: PrepareOptions = options;
  if (!frontend) step(dropSyntaxLine);
  step((current) => ({ edits: retargetBase(current, retargeting(build)) }));
  // An old frontend refuses what it does not know in stages that it would not build, too.
  const prune = classic || !known.heredoc;
  if (prune) {
    step((current) => pruneStages(current, build));
    build = { ...options, target: undefined };
  }
  if (classic) step((current) => inheritArgs(current, build));
  if (classic) step((current) => targetArgs(current, build));
  else if (!known.heredoc) step((current) => globalTargetArgs(current, build));
  if (classic || !known.heredoc) step((current) => lowerHeredoc(current, build));
  if (classic || !known.heredoc || !known.link || !known.runNetwork) {
    step((current) => lowerFlags(current, { ...build, capabilities: known }));
  }
  step((current) => pinBase(current, build));
  const { emulator } = options;
  if (emulator) step((current) => injectQemu(current, { ...build, emulator }));
  const { lines } = draft;
  return {
    text: draft.dockerfile.text,
    addedFiles: draft.addedFiles,
    buildArgs: options.buildArgs ?? {},
    target: prune ? targetStage(draft.dockerfile).name : options.target,
    originalLine: (line) => lines[line] ?? line,
  };
}

function retargeting(options: BaseOptions): Parameters<typeof retargetBase>[1] {
  const style = options.baseStyle ?? 'index';
  return {
    platform: options.platform,
    buildPlatform: options.buildPlatform,
    buildArgs: options.buildArgs,
    target: options.target,
    contexts: options.contexts,
    style,
    images: options.images,
    mappingOnly: style === 'index',
    throughArgs: false,
    aliasStages: false,
  };
}
