import { createHash } from 'node:crypto';
import { type CallOptions, formatPlatform } from '@mabuild/oci';
import type { BuildContext } from './context/context.ts';
import type { Engine, EngineBuild, EngineImage } from './engines/engine.ts';
import type { Memory } from './memory.ts';
import type { PlannedTask } from './plan/plan-request.ts';

/** Images of builds that need not be asked for again: nothing that goes into them has changed. */
export interface KnownBuilds {
  /** The image of the same build of the same context, when the engine still has it. */
  find(planned: PlannedTask, options?: CallOptions): Promise<EngineImage | undefined>;
  remember(planned: PlannedTask, image: EngineImage): Promise<void>;
}

/** A file this young may change again without its time showing it, milliseconds. */
const tooYoung = 1000;

/**
 * Remembers what builds of one context gave. An engine asked again would walk its cache to the same image, which costs it
 * a second for three platforms; whether a file changed is told by its size, mode and time, as BuildKit tells it.
 */
export function openKnownBuilds(context: BuildContext, engine: Engine, memory: Memory): KnownBuilds {
  let state: Promise<string | undefined> | undefined;
  const keyOf = async ({ build, repeatable }: PlannedTask): Promise<string | undefined> => {
    if (!repeatable || build.builder !== 'buildkit') return undefined;
    if (context.key === undefined || build.addedFiles.some(({ from }) => 'file' in from)) return undefined;
    // Before the build, once for all platforms: a change meanwhile must not go unnoticed.
    state ??= stateOf(context);
    const files = await state;
    return files && JSON.stringify([1, context.key, files, inputsOf(build)]);
  };
  return {
    async find(planned, options = {}) {
      const { noCache, pull } = planned.build;
      const key = await keyOf(planned);
      const id = key === undefined || noCache || pull ? undefined : await memory.get('built', key);
      return typeof id === 'string' ? await engine.inspect(id, options) : undefined;
    },
    async remember(planned, { id }) {
      const key = await keyOf(planned);
      if (key !== undefined) await memory.set('built', key, id);
    },
  };
}

/** Everything else that decides what a build gives. */
function inputsOf(build: EngineBuild): readonly unknown[] {
  const { dockerfile, platform, addedFiles, buildArgs, labels, target, network, settings } = build;
  return [
    ...[formatPlatform(platform), dockerfile, addedFiles, buildArgs, labels, target ?? null, network],
    ...(settings ? [settings] : []),
  ];
}

/** A digest of what is known of every file without reading it; `undefined` while one may still be written to. */
async function stateOf(context: BuildContext): Promise<string | undefined> {
  const hash = createHash('sha256');
  const newest = Date.now() - tooYoung;
  try {
    for await (const { path, type, mode, size, mtimeMs, linkname } of context.entries()) {
      if (type === 'file' && mtimeMs > newest) return undefined;
      hash.update(JSON.stringify([path, type, mode, size, type === 'directory' ? 0 : mtimeMs, linkname]));
    }
  } catch {
    // The build reads it too, and says why it cannot.
    return undefined;
  }
  return hash.digest('hex');
}
