import { parseReference } from '@mabuild/oci';
import { resolveBase } from '../dockerfile/base.ts';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import type { ScopeOptions } from '../dockerfile/scope.ts';
import { officialRepository, readNamespace } from '../knowledge/namespaces.ts';
import { officialImagePlatforms } from '../knowledge/official-images.ts';

type Options = Pick<ScopeOptions, 'buildArgs'>;

/**
 * Tells whether a build for linux/arm/v6 gets Debian's soft-float userland (armel) from a stage's image: official images
 * of Debian have no ARMv6 of their own, and the one for ARMv5 is taken.
 */
export function isArmelBase(
  dockerfile: Dockerfile,
  stage: Stage | undefined,
  options: Options = {},
): boolean {
  const variants = stage && armVariants(dockerfile, stage, options);
  return (variants?.has('v5') ?? false) && !variants?.has('v6');
}

const answers = new WeakMap<Stage, Map<string, ReadonlySet<string> | undefined>>();

/** The 32-bit ARM variants that a stage's official image has, `v5` `v6` `v7`; `undefined` for other images. */
export function armVariants(
  dockerfile: Dockerfile,
  stage: Stage,
  options: Options = {},
): ReadonlySet<string> | undefined {
  const key = JSON.stringify(options.buildArgs ?? {});
  const own = answers.get(stage) ?? new Map<string, ReadonlySet<string> | undefined>();
  answers.set(stage, own);
  if (!own.has(key)) own.set(key, readVariants(dockerfile, stage, options));
  return own.get(key);
}

function readVariants(
  dockerfile: Dockerfile,
  stage: Stage,
  options: Options,
): ReadonlySet<string> | undefined {
  try {
    const base = resolveBase(dockerfile, stage, options);
    if (base.kind === 'stage') return armVariants(dockerfile, base.stage, options);
    if (base.kind === 'scratch') return undefined;
    const reference = parseReference(base.name);
    const named = readNamespace(reference);
    const repository = officialRepository(reference);
    const platforms = named
      ? [named.platform]
      : repository === undefined
        ? undefined
        : officialImagePlatforms(repository, reference.tag ?? 'latest');
    return (
      platforms &&
      new Set(
        platforms.flatMap(({ architecture, variant }) =>
          architecture === 'arm' && variant ? [variant] : [],
        ),
      )
    );
  } catch {
    // A name that is none has its own finding.
    return undefined;
  }
}
