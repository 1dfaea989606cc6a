import { MabuildError, normalizePlatform } from '@mabuild/oci';
import { addedFolder } from '../context/added-folder.ts';
import { resolveBase } from '../dockerfile/base.ts';
import { type BuildTarget, imageUses, scopeOf } from '../dockerfile/image-uses.ts';
import { locate } from '../dockerfile/location.ts';
import type { Dockerfile, Stage, TextEdit } from '../dockerfile/model.ts';
import { stageGraph } from '../dockerfile/stage-graph.ts';
import type { Builder } from '../engines/engine.ts';
import type { Change } from './draft.ts';

/** How RUN steps of a foreign platform are helped. */
export interface Emulator {
  /** A static qemu of this machine, put into the build where the host's kernel looks for it. */
  readonly inject?:
    | {
        readonly file: string;
        readonly path: string;
        /** Copy it into the image, to be published, on either builder. @default false */
        readonly keep?: boolean | undefined;
      }
    | undefined;
  /** For RUN steps only, e.g. `QEMU_CPU=arm1176`; nothing of it reaches the image's Env. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

export interface InjectOptions extends BuildTarget {
  readonly builder: Builder;
  readonly emulator: Emulator;
}

/**
 * Puts the emulator into the stages of the target's platform that RUN something.
 *
 * BuildKit binds it to each RUN: writable, so that `chown -R` does not stumble over it, and what was written is
 * forgotten. The classic builder, and an emulator that is to be kept, get a COPY of their own. Variables come as ARG: RUN
 * sees them, the image's Env does not.
 * @throws MabuildError `ONBUILD_NEEDS_EMULATOR` for a trigger of this file that would RUN before the emulator is there.
 */
export function injectQemu(dockerfile: Dockerfile, options: InjectOptions): Change {
  const { inject, environment = {} } = options.emulator;
  const stages = emulatedStages(dockerfile, options);
  const source = inject && `${addedFolder}/${inject.path.split('/').at(-1)}`;
  const injected = new Set<Stage>();
  const edits = stages.flatMap(({ stage, base }): readonly TextEdit[] => {
    if (inject && base) refuseTriggers(dockerfile, base);
    if (base && injected.has(base)) injected.add(stage);
    const runs = stage.instructions.filter(({ keyword }) => keyword === 'RUN');
    if (runs.length === 0) return [];
    const lines = Object.entries(environment).map(([name, value]) => `ARG ${name}=${value}`);
    const mounts: TextEdit[] = [];
    const isCopied = inject?.keep === true || options.builder === 'classic';
    if (inject && isCopied && !injected.has(stage)) {
      lines.unshift(`COPY ${JSON.stringify([source, inject.path])}`);
      injected.add(stage);
    }
    if (inject && !isCopied) {
      for (const { keywordRange } of runs) {
        const { end } = keywordRange;
        mounts.push({
          start: end,
          end,
          newText: ` --mount=type=bind,rw,source=${source},target=${inject.path}`,
        });
      }
    }
    const at = stage.from.range.end;
    const newText = lines.map((line) => `${dockerfile.newline}${line}`).join('');
    return [...(newText === '' ? [] : [{ start: at, end: at, newText }]), ...mounts];
  });
  const used =
    inject && stages.some(({ stage }) => stage.instructions.some(({ keyword }) => keyword === 'RUN'));
  return {
    edits,
    addedFiles: used ? [{ path: source as string, mode: 0o755, from: { file: inject.file } }] : [],
  };
}

/** Tells whether a build runs anything on the target's platform. */
export function runsOnTarget(dockerfile: Dockerfile, build: BuildTarget): boolean {
  return emulatedStages(dockerfile, build).some(({ stage }) =>
    stage.instructions.some(({ keyword }) => keyword === 'RUN'),
  );
}

interface EmulatedStage {
  readonly stage: Stage;
  /** The stage that it stands on. */
  readonly base: Stage | undefined;
}

/** Needed stages whose RUN steps execute programs of the target's platform. */
function emulatedStages(dockerfile: Dockerfile, build: BuildTarget): readonly EmulatedStage[] {
  const target = normalizePlatform(build.platform);
  const foreign = new Set(
    imageUses(dockerfile, build)
      .filter(
        ({ kind, platform }) =>
          kind === 'from' && normalizePlatform(platform).architecture !== target.architecture,
      )
      .map(({ stage }) => stage),
  );
  return stageGraph(dockerfile, build.target, scopeOf(build)).flatMap((stage) => {
    const base = resolveBase(dockerfile, stage, scopeOf(build));
    const below = base.kind === 'stage' ? base.stage : undefined;
    if (below && foreign.has(below)) foreign.add(stage);
    return foreign.has(stage) ? [] : [{ stage, base: below }];
  });
}

function refuseTriggers(dockerfile: Dockerfile, stage: Stage): void {
  const trigger = stage.instructions.find(({ onbuild }) => onbuild?.keyword === 'RUN');
  if (!trigger) return;
  throw new MabuildError('an ONBUILD RUN of this file would run before the emulator is there', {
    code: 'ONBUILD_NEEDS_EMULATOR',
    hint: 'register the emulator on the host with the F flag, or write the RUN into the stage that stands on this one',
    location: locate(dockerfile, trigger.range),
  });
}
