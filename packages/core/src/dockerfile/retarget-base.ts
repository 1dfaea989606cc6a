import {
  familiarReference,
  formatPlatform,
  type ImageReference,
  isMabuildError,
  normalizePlatform,
  type Platform,
  platformsEqual,
} from '@mabuild/oci';
import { readVendorImage } from '../knowledge/vendor-images.ts';
import { aliasStages } from './alias-stage.ts';
import { applyEdits } from './edit.ts';
import { type BuildTarget, baseNames, type ImageUse, imageUses, readableImageUses } from './image-uses.ts';
import type { Dockerfile, TextEdit } from './model.ts';
import { parseDockerfile } from './parse.ts';
import { isOtherBranch } from './platform-stage.ts';
import { nameAsWritten, renameImage } from './rename-image.ts';
import { mapImage, type Retargeted, type RetargetOptions, retargetReference } from './retarget-reference.ts';

/**
 * Makes a Dockerfile stand on one platform's images: `FROM --platform=linux/arm/v7 arm32v7/ubuntu:22.04`.
 *
 * Stages for the build platform, stages named for another architecture, `scratch` and stages on stages stay.
 * Given its own result, it makes no edits.
 */
export function retargetBase(dockerfile: Dockerfile, options: RetargetOptions): readonly TextEdit[] {
  if (options.vendorsOnly) return vendorEdits(dockerfile, options);
  const wanted = retargetedUses(dockerfile, options);
  const edits = (throughArgs: boolean): readonly TextEdit[] => [
    ...wanted.flatMap(({ use, to }) => setPlatform(use, to.platform, options)),
    ...wanted.flatMap(({ use, to }) =>
      options.aliasStages !== false && needsAlias(use, options)
        ? []
        : rename(dockerfile, use, to, throughArgs),
    ),
    ...(options.aliasStages === false
      ? []
      : aliasStages(
          dockerfile,
          wanted
            .filter(({ use }) => needsAlias(use, options))
            .map(({ use, to }) => ({ use, name: newName(use, to), platform: to.platform })),
        )),
  ];
  if (options.throughArgs === false) return edits(false);
  const preferred = edits(true);
  return holds(dockerfile, preferred, wanted, options) ? preferred : edits(false);
}

function vendorEdits(dockerfile: Dockerfile, options: RetargetOptions): readonly TextEdit[] {
  const wanted = retargetedUses(dockerfile, options).map(({ use, to }) => {
    const own = mapImage(use.reference, options.images ?? {}) === undefined && readVendorImage(use.reference);
    return { use, to: own ? to : { ...to, reference: use.reference } };
  });
  const edits = (throughArgs: boolean): readonly TextEdit[] =>
    wanted.flatMap(({ use, to }) => rename(dockerfile, use, to, throughArgs));
  const preferred = edits(true);
  return holds(dockerfile, preferred, wanted, options) ? preferred : edits(false);
}

interface RetargetedUse {
  readonly use: ImageUse;
  readonly to: Retargeted;
}

/** Every image of a build under the name and platform that {@link retargetBase} gives it. */
export function retargetedUses(dockerfile: Dockerfile, options: RetargetOptions): readonly RetargetedUse[] {
  const uses = options.allStages
    ? readableImageUses(dockerfile, options).filter(
        ({ stage }) => !isOtherBranch(dockerfile, stage, options.platform),
      )
    : imageUses(dockerfile, options);
  return uses.map((use) => {
    if (isDeliberate(use, options)) return { use, to: { reference: use.reference, platform: use.platform } };
    // Flags that stay say for which platform the image is.
    const platform = options.mappingOnly ? use.platform : options.platform;
    return { use, to: retargetReference(use, { ...options, platform }) };
  });
}

/** Images of emulators, which are for the host that builds. */
const emulators: ReadonlySet<string> = new Set([
  'multiarch/qemu-user-static',
  'tonistiigi/binfmt',
  'docker/binfmt',
]);

/**
 * Tells whether an image is meant to be for another platform than the build: FROM says the build host's, the stage is
 * named for an architecture, or the image is an emulator.
 */
export function isDeliberate(use: ImageUse, build: BuildTarget): boolean {
  if (use.reference.registry === 'docker.io' && emulators.has(use.reference.repository)) return true;
  if (use.kind !== 'from' || use.flag?.value === undefined) return false;
  if (/\bBUILD(?:PLATFORM|OS|ARCH|VARIANT)\b/.test(use.flag.value)) return true;
  const { architecture, os } = use.platform;
  const name = use.stage.name ?? '';
  return !platformsEqual(use.platform, build.platform) && (name.includes(architecture) || name.includes(os));
}

function newName(use: ImageUse, to: Retargeted): string {
  return sameReference(use.reference, to.reference) ? use.base.name : nameAsWritten(use, to.reference);
}

function rename(
  dockerfile: Dockerfile,
  use: ImageUse,
  to: Retargeted,
  throughArgs: boolean,
): readonly TextEdit[] {
  return renameImage(dockerfile, use, newName(use, to), { throughArgs });
}

function sameReference(a: ImageReference, b: ImageReference): boolean {
  return familiarReference(a) === familiarReference(b);
}

function setPlatform(use: ImageUse, platform: Platform, options: RetargetOptions): readonly TextEdit[] {
  if (use.kind !== 'from' || options.mappingOnly || isDeliberate(use, options) || leavesX64(use, options))
    return [];
  const newText = formatPlatform(platform);
  const range = use.flag?.valueRange;
  if (!range) {
    const { start } = use.stage.base.range;
    return [{ start, end: start, newText: `--platform=${newText} ` }];
  }
  const constant = !use.flag?.value?.includes('$');
  return constant && platformsEqual(use.platform, platform) ? [] : [{ ...range, newText }];
}

/** An x64 file is right for x64 as it is, unless it names another platform. */
function leavesX64(use: ImageUse, options: RetargetOptions): boolean {
  const { architecture } = normalizePlatform(options.platform);
  return architecture === 'amd64' && platformsEqual(use.platform, options.platform);
}

function needsAlias(use: ImageUse, options: RetargetOptions): boolean {
  return (
    use.kind !== 'from' && !options.mappingOnly && !isDeliberate(use, options) && !leavesX64(use, options)
  );
}

/** Tells whether the edited text stands on what was wanted, and on nothing else: an ARG may serve several names. */
function holds(
  dockerfile: Dockerfile,
  edits: readonly TextEdit[],
  wanted: readonly RetargetedUse[],
  options: RetargetOptions,
): boolean {
  const names = [...baseNames(dockerfile, options)];
  for (const { use, to } of wanted) if (use.kind === 'from') names[use.stage.index] = newName(use, to);
  try {
    const edited = parseDockerfile(applyEdits(dockerfile.text, edits), { file: dockerfile.file });
    // Stages that were added come first.
    const after = baseNames(edited, options).slice(-names.length);
    return names.every((name, index) => name === after[index]);
  } catch (error) {
    if (isMabuildError(error)) return false;
    throw error;
  }
}
