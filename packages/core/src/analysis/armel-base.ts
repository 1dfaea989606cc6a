import { type Platform, parseReference } from '@mabuild/oci';
import { Attached } from '../attached.ts';
import { resolveBase } from '../dockerfile/base.ts';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import { platformKey } from '../fixes/variation.ts';
import { nameIn } from '../knowledge/architecture-names.ts';
import { officialRepository, readNamespace } from '../knowledge/namespaces.ts';
import { officialImagePlatforms } from '../knowledge/official-images.ts';
import { type Answers, type Given, remembered } from './remembered.ts';

/**
 * Tells whether a build for linux/arm/v6 gets Debian's soft-float userland (armel) from a stage's image: official images
 * of Debian have no ARMv6 of their own, and the one for ARMv5 is taken.
 */
export function isArmelBase(dockerfile: Dockerfile, stage: Stage | undefined, options: Given = {}): boolean {
  const variants = stage && armVariants(dockerfile, stage, options);
  return (variants?.has('v5') ?? false) && !variants?.has('v6');
}

/** Debian's library folder on each platform, e.g. `aarch64-linux-gnu`; for ARMv6 only where it is armel's. */
export function libraryFolders(
  dockerfile: Dockerfile,
  stage: Stage | undefined,
  platforms: readonly Platform[],
  options: Given,
): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const platform of platforms) {
    const key = platformKey(platform);
    const folder = nameIn('debian-multiarch', platform);
    // Only Debian's armel has arm-linux-gnueabi; Raspbian and others differ.
    if (key === 'linux/arm/v6' && !isArmelBase(dockerfile, stage, options)) continue;
    if (folder !== undefined) texts[key] = folder;
  }
  return texts;
}

const known: Answers<Stage, ReadonlySet<string> | undefined> = new Attached();

/** The 32-bit ARM variants that a stage's official image has, `v5` `v6` `v7`; `undefined` for other images. */
export function armVariants(
  dockerfile: Dockerfile,
  stage: Stage,
  options: Given = {},
): ReadonlySet<string> | undefined {
  return remembered(known, stage, options, () => readVariants(dockerfile, stage, options));
}

function readVariants(dockerfile: Dockerfile, stage: Stage, options: Given): ReadonlySet<string> | undefined {
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
