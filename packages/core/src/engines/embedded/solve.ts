import { isMabuildError, MabuildError } from '@mabuild/oci';
import type { BuildContext } from '../../context/context.ts';
import { type Base, resolveBase } from '../../dockerfile/base.ts';
import { type BuildTarget, scopeOf } from '../../dockerfile/image-uses.ts';
import type { Instruction, Stage } from '../../dockerfile/model.ts';
import { parseDockerfile } from '../../dockerfile/parse.ts';
import { globalScope } from '../../dockerfile/scope.ts';
import { stageGraph, stagesBelow, targetStage } from '../../dockerfile/stage-graph.ts';
import { BuildFailedError } from '../build-failed.ts';
import type { EngineBuild, EngineBuildOptions } from '../engine.ts';
import type { CacheRecord } from './cache/cache-document.ts';
import type { ExecuteRun } from './cache/run-cache.ts';
import type { FileSource } from './file-source.ts';
import { scratchState } from './first-state.ts';
import { outsideImages } from './outside-images.ts';
import { ownTimes } from './own-time.ts';
import { refuseNetwork } from './refuse-network.ts';
import type { RunRequest } from './run-request.ts';
import { createRunsAhead } from './runs-ahead.ts';
import type { SolveWorld } from './solve-world.ts';
import { epochOf } from './source-date-epoch.ts';
import { listIn, recordIn, type StageState, withConfig } from './state.ts';
import { stepsWith } from './steps/all.ts';
import { triggerOf } from './steps/onbuild.ts';
import { runRefused } from './steps/run.ts';
import { locationOf, type StepSite, stepFailed } from './steps/step.ts';

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
  const images = outsideImages(dockerfile, target, world, options);
  const times = ownTimes(() => performance.now());
  const states = new Map<Stage, Promise<StageState>>();
  /** RUNs that were not executed: one that changed nothing leaves no layer to tell by. */
  const remembered = new Set<Instruction>();
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
  const ahead = createRunsAhead(
    // What goes wrong is told when the RUN is executed.
    (platform, layers) => void world.prepareRun?.(platform, layers, { signal }).catch(() => undefined),
    build.noCache,
  );
  const foreseen =
    (request: RunRequest, execute: ExecuteRun): ExecuteRun =>
    async (onChangedInput) => {
      await refuseNetwork(request, { site, stages, scope, lacksNetworks: world.lacksNetworks, signal });
      return await execute(onChangedInput);
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
    write: (entries) => world.writer.write(entries, { ...caching, signal, onMissing: ahead.begin }),
    run: async (request, execute) => {
      const outcome = await world.runs.outcome(request, foreseen(request, execute), {
        ...caching,
        limits: async (run) => await world.runLimits?.(run, { signal }),
      });
      if (outcome.known) remembered.add(request.instruction);
      return outcome;
    },
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
  const published = stagesBelow(dockerfile, targetStage(dockerfile, build.target), scope);
  const siteOf = (stage: Stage): StepSite => {
    const writing = {
      ...{ ...caching, signal, onMissing: ahead.begin },
      onGrowing: published.has(stage) ? options.onLayer : undefined,
    };
    return { ...site, write: (entries) => world.writer.write(entries, writing) };
  };
  const buildStage = async (stage: Stage): Promise<StageState> => {
    const base = resolveBase(dockerfile, stage, scope);
    const own = siteOf(stage);
    let state = await firstState(base, stage);
    if (stage.instructions.some(({ keyword }) => keyword === 'RUN'))
      // Where layers may lie elsewhere, a RUN that is remembered needs none.
      ahead.expect(state.platform, world.cache ? [] : state.layers);
    const triggers = listIn(state.config, 'OnBuild');
    if (triggers.length > 0) {
      state = withConfig(state, { OnBuild: undefined });
      for (const trigger of triggers) state = await step(state, triggerOf(trigger, stage, site), own);
    }
    for (const instruction of stage.instructions) state = await step(state, instruction, own);
    return state;
  };
  const firstState = async (base: Base, stage: Stage): Promise<StageState> => {
    if (base.kind === 'stage') return { ...(await stateOf(base.stage)), commandSet: false };
    if (base.kind === 'scratch') return scratchState(build.platform);
    return await images.state(base, stage.from);
  };
  const steps = stepsWith(world.run);
  const step = async (state: StageState, instruction: Instruction, own: StepSite): Promise<StageState> => {
    signal?.throwIfAborted();
    const todo = steps[instruction.keyword];
    if (!todo) throw stepFailed(site, instruction, `unknown instruction ${instruction.keyword}`);
    const [first = ''] = instruction.logical.text.trim().split('\n', 1);
    const event = { type: 'step', platform: build.platform, name: first } as const;
    const id = idOf(instruction);
    times.begin(instruction);
    onEvent?.({ ...event, id, state: 'started' });
    try {
      const next = await todo(state, instruction, own);
      const seconds = times.secondsOf(instruction);
      const hasLayer = next.layers.length > state.layers.length;
      const cached = hasLayer ? isCached(next.layers.at(-1)) : remembered.has(instruction);
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
