import {
  familiarReference,
  formatReference,
  type ImageReference,
  MabuildError,
  type Platform,
  platformSatisfies,
} from '@mabuild/oci';
import { type ResolvedBase, resolveBases, type WantedBase } from '../bases/resolve-bases.ts';
import { resolveBase } from '../dockerfile/base.ts';
import { scopeOf } from '../dockerfile/image-uses.ts';
import { locate } from '../dockerfile/location.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { targetStage } from '../dockerfile/stage-graph.ts';
import type { Builder } from '../engines/engine.ts';
import { suggestTag } from '../knowledge/suggest-tag.ts';
import { type BaseOptions, wantedImages } from '../transforms/index.ts';
import type { PlannedBase } from './plan.ts';
import type { PlanWorld } from './plan-request.ts';

interface BaseWorld extends PlanWorld {
  readonly builder: Builder;
}

/**
 * Asks for every base of every platform.
 *
 * @param targets each platform's file and what its build is asked for, in order
 * @returns for each of them its bases in the order of the file, those that only the engine has left out
 * @throws MabuildError `BASE_NOT_FOUND`, `BASE_PLATFORM_MISSING`, `NEEDS_BUILDKIT`, `REGISTRY_…`, each with its line
 */
export async function askForBases(
  targets: readonly { readonly dockerfile: Dockerfile; readonly options: BaseOptions }[],
  world: BaseWorld,
): Promise<readonly (readonly ResolvedBase[])[]> {
  const wanted = targets.map(({ dockerfile, options }) =>
    wantedImages(dockerfile, options).map(
      (use): WantedBase => ({
        reference: use.reference,
        platform: use.platform,
        use: use.kind,
        location: locate(dockerfile, use.range),
      }),
    ),
  );
  const resolved = await resolveBases(wanted.flat(), {
    resolver: world.resolver,
    suggest: suggestReference,
    isLocal: (base) => isInEngine(base, world),
    signal: world.signal,
  });
  let next = 0;
  return wanted.map((list) => {
    const part = resolved.slice(next, next + list.length);
    next += list.length;
    return part.filter((base) => base !== undefined);
  });
}

/** `node:22` for `node:24` and linux/arm/v7. */
function suggestReference(reference: ImageReference, platform: Platform): string | undefined {
  if (reference.registry !== 'docker.io' || !reference.repository.startsWith('library/')) return undefined;
  const repository = reference.repository.slice('library/'.length);
  const tag = suggestTag(repository, reference.tag ?? 'latest', platform);
  return tag === undefined ? undefined : `${repository}:${tag}`;
}

/** People build on images that they built before and never pushed. */
async function isInEngine(base: WantedBase, { engine, builder, signal }: BaseWorld): Promise<boolean> {
  const name = familiarReference(base.reference);
  const found = await engine.inspect(name, { platform: base.platform, signal });
  if (found === undefined || !platformSatisfies(found.platform, base.platform)) return false;
  if (builder === 'buildkit' || engine.info.imageStore === 'graphdriver') return true;
  const preferred = await engine.inspect(name, { signal });
  if (preferred === undefined || platformSatisfies(preferred.platform, base.platform)) return true;
  throw new MabuildError(
    `the classic builder would mix up the platforms of ${name}, which the engine's containerd store holds under one name`,
    {
      code: 'NEEDS_BUILDKIT',
      hint: 'build with --engine buildkit, or push that image and name it as the registry has it',
      location: base.location,
    },
  );
}

/** The image at the bottom of the stage that is built. */
export function finalBaseOf(
  dockerfile: Dockerfile,
  options: BaseOptions,
  bases: readonly ResolvedBase[],
): ResolvedBase | undefined {
  let stage = targetStage(dockerfile, options.target);
  for (;;) {
    const base = resolveBase(dockerfile, stage, scopeOf(options));
    if (base.kind === 'scratch') return undefined;
    if (base.kind === 'image') {
      const location = locate(dockerfile, stage.base.range);
      return bases.find(({ location: at }) => at.line === location.line && at.column === location.column);
    }
    stage = base.stage;
  }
}

/** A base as the plan's JSON has it. */
export function plannedBase(base: ResolvedBase): PlannedBase {
  return {
    reference: formatReference(base.reference),
    digest: base.root.digest,
    manifestDigest: base.manifestDescriptor.digest,
    platform: base.platform,
    line: base.location.line,
  };
}

/**
 * An ONBUILD RUN of a base fires directly after FROM, before anything could be lent to it.
 * @throws MabuildError `BASE_ONBUILD_RUNS` naming trigger and line
 */
export function refuseTriggers(bases: readonly ResolvedBase[]): void {
  for (const base of bases) {
    if (base.use !== 'from') continue;
    const trigger = base.config.config?.OnBuild?.find((instruction) => /^\s*run\b/i.test(instruction));
    if (trigger === undefined) continue;
    throw new MabuildError(
      `${familiarReference(base.reference)} would run ${JSON.stringify(trigger)} (ONBUILD) before an emulator can be injected`,
      {
        code: 'BASE_ONBUILD_RUNS',
        hint: "register qemu with the F flag on the engine's host: then nothing need be injected",
        location: base.location,
      },
    );
  }
}
