import { parseReference, platformsEqual } from '@mabuild/oci';
import { resolveBase } from '../dockerfile/base.ts';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import type { ScopeOptions } from '../dockerfile/scope.ts';
import { officialRepository, platformOfArchitecture, readNamespace } from '../knowledge/namespaces.ts';
import { officialImagePlatforms } from '../knowledge/official-images.ts';

/**
 * Tells whether a build for linux/arm/v6 gets Debian's soft-float userland (armel) from a stage's image: official images
 * of Debian have no ARMv6 of their own, and the one for ARMv5 is taken.
 */
export function isArmelBase(
  dockerfile: Dockerfile,
  stage: Stage | undefined,
  options: Pick<ScopeOptions, 'buildArgs'> = {},
): boolean {
  if (!stage) return false;
  const known = answers.get(stage)?.get(JSON.stringify(options.buildArgs ?? {}));
  if (known !== undefined) return known;
  const answer = readBase(dockerfile, stage, options);
  const own = answers.get(stage) ?? new Map<string, boolean>();
  answers.set(stage, own.set(JSON.stringify(options.buildArgs ?? {}), answer));
  return answer;
}

const answers = new WeakMap<Stage, Map<string, boolean>>();

function readBase(dockerfile: Dockerfile, stage: Stage, options: Pick<ScopeOptions, 'buildArgs'>): boolean {
  try {
    const base = resolveBase(dockerfile, stage, options);
    if (base.kind === 'stage') return isArmelBase(dockerfile, base.stage, options);
    if (base.kind === 'scratch') return false;
    const reference = parseReference(base.name);
    const named = readNamespace(reference);
    const armel = platformOfArchitecture('arm32v5');
    if (named) return armel !== undefined && platformsEqual(named.platform, armel);
    const repository = officialRepository(reference);
    const platforms =
      repository === undefined ? undefined : officialImagePlatforms(repository, reference.tag ?? 'latest');
    const has = (variant: string): boolean =>
      platforms?.some((platform) => platform.architecture === 'arm' && platform.variant === variant) ?? false;
    return has('v5') && !has('v6');
  } catch {
    // A name that is none has its own finding.
    return false;
  }
}
