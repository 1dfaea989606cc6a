import {
  type CallOptions,
  formatReference,
  type ImageResolver,
  isMabuildError,
  MabuildError,
  type Platform,
  parseReference,
} from '@mabuild/oci';
import type { BuildContext } from '../../context/context.ts';
import { type Base, resolveBase } from '../../dockerfile/base.ts';
import { type BuildTarget, type ImageUse, imageUses, scopeOf } from '../../dockerfile/image-uses.ts';
import { locate } from '../../dockerfile/location.ts';
import type { Dockerfile, Instruction, Stage } from '../../dockerfile/model.ts';
import { parseDockerfile } from '../../dockerfile/parse.ts';
import { globalScope } from '../../dockerfile/scope.ts';
import { stageGraph, targetStage } from '../../dockerfile/stage-graph.ts';
import { type ResolvedBase, resolveBases } from '../../plan/resolve-bases.ts';
import { BuildFailedError } from '../build-failed.ts';
import type { EngineBuild, EngineBuildOptions } from '../engine.ts';
import type { BuildCache } from './cache/build-cache.ts';
import type { CacheRecord } from './cache/cache-document.ts';
import type { RunCache } from './cache/run-cache.ts';
import type { FileSource } from './file-source.ts';
import { imageState, scratchState } from './first-state.ts';
import type { LayerScanner } from './layers/layer-scanner.ts';
import type { LayerWriter } from './layers/layer-writer.ts';
import type { Tree } from './layers/tree.ts';
import { ownTimes } from './own-time.ts';
import type { RepositoryOptions } from './repositories.ts';
import { listIn, recordIn, type StageState, withConfig } from './state.ts';
import { stepsWith } from './steps/all.ts';
import { type RunProgram, runRefused } from './steps/run.ts';
import { locationOf, type StepSite, stepFailed } from './steps/step.ts';

/** What a build is made with. */
export interface SolveWorld {
  /** The platform that `FROM --platform=$BUILDPLATFORM` means. */
  readonly host: Platform;
  readonly resolver: ImageResolver;
  readonly scanner: LayerScanner;
  readonly writer: LayerWriter;
  readonly runs: RunCache;
  /** Told what steps make. */
  readonly cache?: BuildCache | undefined;
  readonly temporaryDirectory: string;
  /** Seconds since the epoch: the time of what a context's steps make, one for all platforms. */
  now(context: BuildContext): number;
  /** The context's files, read once for all platforms. */
  tree(build: EngineBuild, context: BuildContext, options: CallOptions): Promise<Tree>;
  readonly download: StepSite['download'];
  repository(url: string, options: RepositoryOptions): Promise<FileSource>;
  /** Executes RUN; without it a stage that has one is refused before anything is built. */
  readonly run?: RunProgram | undefined;
  /** Names a sandbox that cannot make all that others make. */
  readonly runLimits?:
    | ((platform: Platform, options: CallOptions) => Promise<string | undefined>)
    | undefined;
}

/**
 * Builds the stages that a target needs, side by side, and gives the last one's state.
 * @throws MabuildError `BUILD_FAILED`, `NOT_SUPPORTED_BY_EMBEDDED`, each with the line of the user's file
 */
export async function solve(
  build: EngineBuild,
  context: BuildContext,
  world: SolveWorld,
  options: EngineBuildOptions,
): Promise<StageState> {
  const { signal, onEvent } = options;
  const dockerfile = parseDockerfile(build.dockerfile);
  const { folders = {} } = build;
  const contexts = Object.fromEntries(
    Object.keys(folders).map((name) => [name, { kind: 'folder' } as const]),
  );
  const target: BuildTarget = { ...build, buildPlatform: world.host, contexts };
  const scope = scopeOf(target);
  const stages = stageGraph(dockerfile, build.target, scope);
  const epoch = epochOf(build);
  const images = imagesOf(dockerfile, target, world, options);
  const times = ownTimes(() => performance.now());
  const states = new Map<Stage, Promise<StageState>>();
  const stateOf = (stage: Stage): Promise<StageState> => {
    const state = states.get(stage) ?? buildStage(stage);
    states.set(stage, state);
    return state;
  };
  const contextFiles: FileSource = { tree: () => world.tree(build, context, options) };
  const caching = {
    ...{ epoch, noCache: build.noCache },
    onRecord: (record: CacheRecord) => world.cache?.note(build.platform, record),
  };
  const site: StepSite = {
    dockerfile,
    build,
    signal,
    globals: globalScope(dockerfile, scope),
    now: epoch ?? world.now(context),
    context: contextFiles,
    secrets: options.secrets,
    temporaryDirectory: world.temporaryDirectory,
    source: async (base, instruction) => {
      if (base.kind === 'stage') return await times.waiting(instruction, stateOf(base.stage));
      if (base.kind === 'scratch') throw stepFailed(site, instruction, 'scratch holds no files');
      const folder = Object.hasOwn(folders, base.name) ? folders[base.name] : undefined;
      if (folder) return { tree: () => world.tree({ ...build, addedFiles: [] }, folder, options) };
      return await images.state(base, instruction);
    },
    write: (entries) => world.writer.write(entries, { ...caching, signal }),
    run: (request, execute) =>
      world.runs.outcome(request, execute, {
        ...caching,
        limits: async ({ platform }) => await world.runLimits?.(platform, { signal }),
      }),
    remembered: (facts, make) => world.runs.remembered(facts, make, caching),
    epoch,
    keepsElsewhere: world.cache !== undefined,
    entries: (layer) => world.scanner.entries(layer, { signal }),
    warn: (instruction, message) =>
      onEvent?.({
        type: 'warning',
        platform: build.platform,
        code: 'UNKNOWN_NAME',
        message: `line ${locationOf(site, instruction).line}: ${message}`,
      }),
    download: world.download,
    repository: (url, keepGitDirectory) => world.repository(url, { keepGitDirectory, signal }),
    log: (instruction, stream, text) =>
      onEvent?.({ type: 'log', platform: build.platform, id: idOf(instruction), stream, text }),
  };
  const buildStage = async (stage: Stage): Promise<StageState> => {
    const base = resolveBase(dockerfile, stage, scope);
    let state = await firstState(base, stage);
    const triggers = listIn(state.config, 'OnBuild');
    if (triggers.length > 0) {
      state = withConfig(state, { OnBuild: undefined });
      for (const trigger of triggers) state = await step(state, triggerOf(trigger, stage, site));
    }
    for (const instruction of stage.instructions) state = await step(state, instruction);
    return state;
  };
  const firstState = async (base: Base, stage: Stage): Promise<StageState> => {
    if (base.kind === 'stage') return { ...(await stateOf(base.stage)), commandSet: false };
    if (base.kind === 'scratch') return scratchState(build.platform);
    return await images.state(base, stage.from);
  };
  const steps = stepsWith(world.run);
  const step = async (state: StageState, instruction: Instruction): Promise<StageState> => {
    signal?.throwIfAborted();
    const todo = steps[instruction.keyword];
    if (!todo) throw stepFailed(site, instruction, `unknown instruction ${instruction.keyword}`);
    const [first = ''] = instruction.logical.text.trim().split('\n', 1);
    const event = { type: 'step', platform: build.platform, name: first } as const;
    const id = idOf(instruction);
    times.begin(instruction);
    onEvent?.({ ...event, id, state: 'started' });
    try {
      const next = await todo(state, instruction, site);
      const seconds = times.secondsOf(instruction);
      const cached = next.layers.length > state.layers.length && isCached(next.layers.at(-1));
      onEvent?.({ ...event, id, state: cached ? 'cached' : 'done', seconds });
      return next;
    } catch (error) {
      signal?.throwIfAborted();
      onEvent?.({ ...event, id, state: 'failed', ...ownFailure(error, instruction, site) });
      throw withPlace(error, instruction, site);
    }
  };
  if (!world.run) refuseRuns(stages, site);
  // Every stage is begun at once; each waits for those that it takes something from.
  const results = await Promise.allSettled(stages.map(stateOf));
  signal?.throwIfAborted();
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  const last = await stateOf(targetStage(dockerfile, build.target));
  if (Object.keys(build.labels).length === 0) return last;
  return withConfig(last, { Labels: { ...recordIn<string>(last.config, 'Labels'), ...build.labels } });
}

/** Names a step within its build. */
function idOf({ startLine, range }: Instruction): string {
  return `${startLine}:${range.start}`;
}

/** What went wrong in a step; nothing when it only waited for another one, which tells that itself. */
function ownFailure(error: unknown, instruction: Instruction, site: StepSite): { readonly error?: string } {
  const { line } = locationOf(site, instruction);
  if (isMabuildError(error) && error.location !== undefined && error.location.line !== line) return {};
  return { error: error instanceof BuildFailedError ? error.reason : (error as Error).message };
}

/** Says at which line something went wrong, where that is not said yet. */
function withPlace(error: unknown, instruction: Instruction, site: StepSite): unknown {
  if (!isMabuildError(error) || error.location !== undefined) return error;
  const location = locationOf(site, instruction);
  return new MabuildError(`at line ${location.line} (${instruction.keyword}): ${error.message}`, {
    ...{ code: error.code, hint: error.hint, location, cause: error },
  });
}

function isCached(layer: object | undefined): boolean {
  return layer !== undefined && 'cached' in layer && layer.cached === true;
}

/** Before anything is built: nobody waits for a build that cannot end. */
function refuseRuns(stages: readonly Stage[], site: StepSite): void {
  for (const stage of stages)
    for (const instruction of stage.instructions)
      if (instruction.keyword === 'RUN') throw runRefused(site, instruction);
}

/** The images that a build takes from outside, each asked for once. */
function imagesOf(
  dockerfile: Dockerfile,
  target: Parameters<typeof imageUses>[1],
  world: SolveWorld,
  options: CallOptions,
): { state(base: Base, instruction: Instruction): Promise<StageState> } {
  const uses = imageUses(dockerfile, target);
  const known = new Map<ImageUse | string, Promise<StageState>>();
  const ask = async (wanted: Pick<ImageUse, 'reference' | 'platform' | 'kind'>, instruction: Instruction) => {
    const location = locate(dockerfile, instruction.range);
    const [base] = await resolveBases(
      [{ reference: wanted.reference, platform: wanted.platform, use: wanted.kind, location }],
      { resolver: world.resolver, signal: options.signal },
    );
    return imageState(base as ResolvedBase, (layer) => world.scanner.entries(layer, options));
  };
  return {
    async state(base, instruction) {
      if (base.kind !== 'image') throw new TypeError('only images are asked for');
      const use = uses.find((item) => item.instruction === instruction && item.base.name === base.name) ?? {
        kind: 'copy' as const,
        reference: parseReference(base.name),
        platform: target.platform,
      };
      const key = `${formatReference(use.reference)} ${JSON.stringify(use.platform)}`;
      const state = known.get(key) ?? ask(use, instruction);
      known.set(key, state);
      return await state;
    },
  };
}

/** A trigger of the base as an instruction of this file, standing where the base is named. */
function triggerOf(trigger: string, stage: Stage, site: StepSite): Instruction {
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

/** `SOURCE_DATE_EPOCH` as seconds. @throws MabuildError `USAGE` */
function epochOf({ buildArgs }: Pick<EngineBuild, 'buildArgs'>): number | undefined {
  const text = Object.hasOwn(buildArgs, 'SOURCE_DATE_EPOCH') ? buildArgs.SOURCE_DATE_EPOCH : undefined;
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,11}$/.test(text)) return Number(text);
  throw new MabuildError(`SOURCE_DATE_EPOCH is ${JSON.stringify(text)}, which is no number of seconds`, {
    code: 'USAGE',
    hint: 'set it to whole seconds since 1970, e.g. from `git log -1 --format=%ct`',
  });
}
