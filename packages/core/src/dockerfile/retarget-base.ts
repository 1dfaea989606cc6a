import {
  familiarReference,
  formatPlatform,
  type ImageReference,
  isMabuildError,
  normalizePlatform,
  type Platform,
  parseReference,
  platformsEqual,
} from '@mabuild/oci';
import { officialNamespace, officialRepository, readNamespace } from '../knowledge/namespaces.ts';
import { officialImagePlatforms } from '../knowledge/official-images.ts';
import { readVendorImage, type VendorImage } from '../knowledge/vendor-images.ts';
import { aliasStages } from './alias-stage.ts';
import { applyEdits } from './edit.ts';
import { type BuildTarget, baseNames, type ImageUse, imageUses, readableImageUses } from './image-uses.ts';
import type { Dockerfile, TextEdit } from './model.ts';
import { parseDockerfile } from './parse.ts';
import { isOtherBranch } from './platform-stage.ts';
import { nameAsWritten, renameImage } from './rename-image.ts';

/** `namespace`: `arm32v7/ubuntu`; `index`: the name stays and the image's own list chooses. */
export type BaseStyle = 'namespace' | 'index';

/** A user's own choice of ARM images, by familiar name with or without tag: `{ "node": "myreg/node-arm" }`. */
export type ImageMapping = Readonly<Record<string, string>>;

export interface RetargetOptions extends BuildTarget {
  readonly style: BaseStyle;
  readonly images?: ImageMapping | undefined;
  /** Only the user's own mapping is followed; every other name and flag stays. @default false */
  readonly mappingOnly?: boolean | undefined;
  /** Edit the ARG default that a name comes from, not the FROM. @default true */
  readonly throughArgs?: boolean | undefined;
  /** Name sources of COPY and of mounts in stages of their own, where they can have a `--platform`. @default true */
  readonly aliasStages?: boolean | undefined;
  /** Only vendors' own names for a platform are written; every other name and flag stays. @default false */
  readonly vendorsOnly?: boolean | undefined;
  /** Also the stages that the target does not need; what cannot be read is left out. @default false */
  readonly allStages?: boolean | undefined;
}

/** What an image is to be called for a platform. */
export interface Retargeted {
  readonly reference: ImageReference;
  /** The platform to ask for; lower than the target where the image has nothing better. */
  readonly platform: Platform;
}

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

/** What a use of an image is renamed to; its own name when it stays. */
export function retargetReference(use: Pick<ImageUse, 'reference'>, options: RetargetOptions): Retargeted {
  const { reference } = use;
  const target = normalizePlatform(options.platform);
  const same = { reference, platform: target };
  const x86 = target.architecture === 'amd64' || target.architecture === '386';
  if (!x86) {
    const mapped = mapImage(reference, options.images ?? {});
    if (mapped) return { ...same, reference: mapped };
  }
  if (options.mappingOnly) return same;
  const vendor = readVendorImage(reference);
  if (vendor) return { ...same, reference: vendorName(vendor, reference, target, options.style) };
  const named = readNamespace(reference);
  if (named && platformsEqual(named.platform, target)) return same;
  const plain = named ? named.plain : reference;
  const repository = plain && officialRepository(plain);
  // A digest names one content: under another name there is no such thing.
  if (!plain || repository === undefined || reference.digest !== undefined) return same;
  if (options.style === 'index' || x86) return { ...same, reference: plain };
  const platform = substitute(repository, plain.tag ?? 'latest', target);
  const namespace = platform && officialNamespace(platform);
  // Whether there is such a tag for the platform is not known: the plain name's own list says.
  if (platform === undefined || namespace === undefined) return { ...same, reference: plain };
  return { reference: { ...plain, repository: `${namespace}/${repository}` }, platform };
}

function vendorName(
  vendor: VendorImage,
  reference: ImageReference,
  target: Platform,
  style: BaseStyle,
): ImageReference {
  if (vendor.platform === formatPlatform(target)) return reference;
  const named = vendor.nameFor(target);
  if (named === undefined || (style === 'index' && vendor.platform === undefined)) return reference;
  return (style === 'index' ? vendor.index : undefined) ?? named;
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

function mapImage(reference: ImageReference, images: ImageMapping): ImageReference | undefined {
  const targets = Object.values(images).map((text) => parseReference(text));
  if (
    targets.some(
      (target) => target.registry === reference.registry && target.repository === reference.repository,
    )
  ) {
    return reference;
  }
  for (const withTag of [true, false]) {
    for (const [from, to] of Object.entries(images)) {
      const key = parseReference(from);
      const keyHasTag = /:[^/]*$/.test(from);
      if (
        keyHasTag !== withTag ||
        key.registry !== reference.registry ||
        key.repository !== reference.repository
      )
        continue;
      if (withTag && key.tag !== (reference.tag ?? 'latest')) continue;
      const target = parseReference(to);
      const own = /[:@][^/]*$/.test(to);
      const { registry, repository } = target;
      if (own) return target;
      return { ...reference, registry, repository };
    }
  }
  return undefined;
}

/**
 * The best platform that an image has and the target runs, `undefined` when that is not known: Debian has no ARMv6, what
 * it has for ARMv5 runs there; Alpine up to 3.8 had ARMv6 and no ARMv7.
 */
function substitute(repository: string, tag: string, target: Platform): Platform | undefined {
  const has = officialImagePlatforms(repository, tag) ?? [];
  if (target.architecture !== 'arm') return has.find((platform) => platformsEqual(platform, target));
  const variants = ['v7', 'v6', 'v5'];
  return variants
    .slice(variants.indexOf(target.variant ?? 'v7'))
    .map((variant) => has.find((other) => other.architecture === 'arm' && other.variant === variant))
    .find((platform) => platform !== undefined);
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
