import { setMaxListeners } from 'node:events';
import {
  type CallOptions,
  type CredentialSource,
  formatPlatform,
  type GrowingBlob,
  type Platform,
} from '@mabuild/oci';
import type { BuildContext } from './context/context.ts';
import type { BuildSecrets } from './engines/build-secrets.ts';
import type { Engine, EngineImage } from './engines/engine.ts';
import type { BuildEvent, OnBuildEvent } from './events.ts';
import { type BuiltImage, finishImage } from './finish/finish.ts';
import type { FinishOptions } from './finish/finish-options.ts';
import { type KnownBuilds, openKnownBuilds } from './known-builds.ts';
import { createLimit } from './limit.ts';
import type { PlannedBuild, PlannedTask } from './plan/plan-request.ts';

export interface RunBuildOptions extends Omit<FinishOptions, 'engine' | 'signal' | 'onEvent'>, CallOptions {
  readonly engine: Engine;
  readonly context: BuildContext;
  readonly credentials: CredentialSource;
  /** For `RUN --mount=type=secret` and `type=ssh`. @default none */
  readonly secrets?: BuildSecrets | undefined;
  /** Platforms built side by side. */
  readonly jobs: number;
  readonly onEvent?: OnBuildEvent | undefined;
  /** Told of a large layer while it is written, when it will be published as it is. */
  readonly onLayer?: ((layer: GrowingBlob) => void) | undefined;
  /** Told of each image when it is finished, while others are built. */
  readonly onImage?: ((image: Omit<BuiltImage, 'seconds'>) => void) | undefined;
}

/**
 * Builds every task of a plan; the first failure cancels the others, which is told of each.
 *
 * @returns finished images in the order of the plan's tasks
 * @throws MabuildError `BUILD_FAILED`, `WRONG_ARCHITECTURE`, `VERIFICATION_FAILED`; the abort reason
 */
export async function runBuild(
  planned: PlannedBuild,
  options: RunBuildOptions,
): Promise<readonly BuiltImage[]> {
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  // Every request of every platform listens to it.
  setMaxListeners(0, signal);
  const known = openKnownBuilds(options.context, options.engine, options.memory);
  const limit = createLimit(options.jobs);
  let first: { readonly error: unknown; readonly platform: Platform } | undefined;
  const results = await Promise.allSettled(
    planned.tasks.map((task) =>
      limit(async () => {
        try {
          signal.throwIfAborted();
          return await runTask(task, { ...options, signal, known });
        } catch (error) {
          const { platform } = task.task;
          if (!options.signal?.aborted) options.onEvent?.(endOf(platform, first?.platform));
          first ??= { error, platform };
          failed.abort(error);
          throw error;
        }
      }),
    ),
  );
  options.signal?.throwIfAborted();
  if (first) throw first.error;
  return results.map((result) => (result as PromiseFulfilledResult<BuiltImage>).value);
}

/** What is told of a platform that was not built. @param blamed the one that failed before it */
function endOf(platform: Platform, blamed: Platform | undefined): BuildEvent {
  if (blamed === undefined) return { type: 'task', platform, state: 'failed' };
  return { type: 'task', platform, state: 'canceled', detail: `${formatPlatform(blamed)} failed` };
}

interface TaskOptions extends RunBuildOptions {
  readonly signal: AbortSignal;
  readonly known: KnownBuilds;
}

async function runTask(planned: PlannedTask, options: TaskOptions): Promise<BuiltImage> {
  const { onEvent } = options;
  const { task } = planned;
  const began = performance.now();
  onEvent?.({
    type: 'task',
    platform: task.platform,
    state: 'started',
    detail: `${task.strategy} with ${task.engine}`,
  });
  const image = await imageOf(planned, options);
  const finished = await finishImage(planned, image, options);
  options.onImage?.(finished);
  const seconds = (performance.now() - began) / 1000;
  onEvent?.({ type: 'task', platform: task.platform, state: 'finished', detail: finished.descriptor.digest });
  return { ...finished, seconds };
}

async function imageOf(planned: PlannedTask, options: TaskOptions): Promise<EngineImage> {
  const { engine, context, credentials, secrets, onEvent, signal, known } = options;
  // What is filtered afterwards is published as something else.
  const onLayer = planned.emulator || planned.addedFolder ? undefined : options.onLayer;
  const { platform } = planned.task;
  const same = await known.find(planned, { signal });
  if (same) {
    onEvent?.({ type: 'task', platform, state: 'built', detail: `${same.id}, where nothing has changed` });
    return same;
  }
  const image = await engine.build(planned.build, context, {
    ...{ credentials, secrets, onEvent, onLayer, signal },
  });
  onEvent?.({ type: 'task', platform, state: 'built', detail: image.id });
  await known.remember(planned, image);
  return image;
}
