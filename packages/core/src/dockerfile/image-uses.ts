import {
  formatReference,
  type ImageReference,
  isMabuildError,
  MabuildError,
  type Platform,
  parsePlatform,
  parseReference,
} from '@mabuild/oci';
import { type ImageBase, resolveBase, resolveSources } from './base.ts';
import { dockerfileError, locate } from './location.ts';
import type { Dockerfile, Flag, Instruction, Range, Stage } from './model.ts';
import { platformArgs } from './platform-args.ts';
import type { ScopeOptions } from './scope.ts';
import { stageGraph } from './stage-graph.ts';
import { findStage } from './stage-name.ts';

/** For which build a Dockerfile is read. */
export interface BuildTarget {
  /** The platform that the image is for. */
  readonly platform: Platform;
  /** The platform of the engine's host. @default `platform` */
  readonly buildPlatform?: Platform | undefined;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** A stage's name or number. @default the last stage */
  readonly target?: string | undefined;
  /** `--build-context`: what stands for names of images. */
  readonly contexts?: Readonly<Record<string, NamedContext>> | undefined;
}

/** What a name in FROM, COPY --from or a mount stands for instead of an image of that name. */
export type NamedContext =
  | { readonly kind: 'image'; readonly reference: ImageReference }
  /** Only files are taken from it. */
  | { readonly kind: 'folder' };

/** A place where a Dockerfile takes an image from outside: a FROM, a COPY --from or a RUN --mount=from. */
export interface ImageUse {
  readonly kind: 'from' | 'copy' | 'mount';
  readonly stage: Stage;
  readonly instruction: Instruction;
  readonly base: ImageBase;
  readonly reference: ImageReference;
  /** What it is wanted for: the target, unless FROM says otherwise. */
  readonly platform: Platform;
  /** FROM's `--platform`, COPY's `--from` or RUN's `--mount`. */
  readonly flag: Flag | undefined;
  /** Where the name stands. */
  readonly range: Range;
}

/** The variables of a build, for the expansion of words. */
export function scopeOf(build: BuildTarget): ScopeOptions {
  return {
    buildArgs: build.buildArgs,
    platformArgs: platformArgs(build.platform, build.buildPlatform ?? build.platform, build.target),
  };
}

/**
 * Lists every image that the stages of a build take from outside, in the order of the file.
 *
 * @throws MabuildError `DOCKERFILE_SYNTAX`, `DOCKERFILE_EXPANSION`, `INVALID_REFERENCE`, `INVALID_PLATFORM`,
 *   `TARGET_NOT_FOUND`, each with its place.
 */
export function imageUses(dockerfile: Dockerfile, build: BuildTarget): readonly ImageUse[] {
  const scope = scopeOf(build);
  refuseStageNames(dockerfile, build);
  return stageGraph(dockerfile, build.target, scope).flatMap((stage) => [
    ...fromUses(dockerfile, stage, build, scope),
    ...stage.instructions.flatMap((instruction) => sourceUses(dockerfile, stage, instruction, build)),
  ]);
}

/** BuildKit would put such a context in the stage's place. */
function refuseStageNames(dockerfile: Dockerfile, { contexts = {} }: BuildTarget): void {
  for (const name of Object.keys(contexts)) {
    const stage = findStage(dockerfile, name);
    if (!stage) continue;
    throw dockerfileError(
      dockerfile,
      stage.from.range,
      `the build context ${name} has the name of a stage, and would not take its place`,
      'rename one of them',
    );
  }
}

/** What `--build-context` has for a name; another spelling of the same image is the same name. */
function contextNamed({ contexts = {} }: BuildTarget, name: string): NamedContext | undefined {
  if (Object.hasOwn(contexts, name)) return contexts[name];
  const same = Object.keys(contexts).find((other) => fullName(other) === fullName(name));
  return same === undefined ? undefined : contexts[same];
}

function fullName(name: string): string {
  try {
    return formatReference(parseReference(name));
  } catch (error) {
    if (isMabuildError(error)) return name;
    throw error;
  }
}

/** As {@link imageUses}, for advice: of all stages, and what cannot be read is left out. */
export function readableImageUses(dockerfile: Dockerfile, build: BuildTarget): readonly ImageUse[] {
  const scope = scopeOf(build);
  return dockerfile.stages.flatMap((stage) => [
    ...quietly(() => fromUses(dockerfile, stage, build, scope)),
    ...stage.instructions
      .filter(mayTakeFiles)
      .flatMap((instruction) => quietly(() => sourceUses(dockerfile, stage, instruction, build))),
  ]);
}

/**
 * What each stage stands on, by name: an image, `scratch`, or a stage's name in parentheses; `undefined` where it cannot
 * be read.
 */
export function baseNames(dockerfile: Dockerfile, build: BuildTarget): readonly (string | undefined)[] {
  return dockerfile.stages.map((stage) => {
    try {
      const base = resolveBase(dockerfile, stage, scopeOf(build));
      return base.kind === 'image' ? base.name : base.kind === 'stage' ? `(${base.stage.name})` : base.kind;
    } catch (error) {
      if (isMabuildError(error)) return undefined;
      throw error;
    }
  });
}

/** Only flags name what files are taken from. */
function mayTakeFiles({ flags }: Instruction): boolean {
  return flags.length > 0;
}

function quietly(list: () => readonly ImageUse[]): readonly ImageUse[] {
  try {
    return list();
  } catch (error) {
    if (isMabuildError(error)) return [];
    throw error;
  }
}

function fromUses(
  dockerfile: Dockerfile,
  stage: Stage,
  build: BuildTarget,
  scope: ScopeOptions,
): readonly ImageUse[] {
  const base = resolveBase(dockerfile, stage, scope);
  if (base.kind !== 'image') return [];
  const named = contextNamed(build, base.name);
  if (named?.kind === 'folder') {
    throw dockerfileError(
      dockerfile,
      stage.base.range,
      `the build context ${base.name} is a folder, and FROM needs an image`,
      'take its files with COPY --from, or name an image with docker-image://',
    );
  }
  const flagRange = stage.platform?.range ?? stage.base.range;
  const wanted = base.platform;
  return [
    {
      kind: 'from',
      stage,
      instruction: stage.from,
      base,
      reference:
        named?.reference ??
        at(dockerfile, stage.base.range, () => parseReference(base.name), emptyVariables(base)),
      platform: wanted ? at(dockerfile, flagRange, () => parsePlatform(wanted)) : build.platform,
      flag: stage.platform,
      range: stage.base.range,
    },
  ];
}

function sourceUses(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction: Instruction,
  build: BuildTarget,
): readonly ImageUse[] {
  return resolveSources(dockerfile, instruction).flatMap(({ base, word, flag }) => {
    if (base.kind !== 'image') return [];
    const kind = instruction.keyword === 'COPY' ? 'copy' : 'mount';
    const named = contextNamed(build, base.name);
    if (named?.kind === 'folder') return [];
    const reference = named?.reference ?? at(dockerfile, word.range, () => parseReference(base.name));
    return [{ kind, stage, instruction, base, reference, platform: build.platform, flag, range: word.range }];
  });
}

/** The variables of a name that have no value, or an empty one: what is wrong with the name is mostly that. */
function emptyVariables({ expanded }: ImageBase): readonly string[] {
  const names = [...(expanded?.word.raw.matchAll(/\$\{?([A-Za-z_]\w*)(?![\w:+-])/g) ?? [])].map(
    ([, name = '']) => name,
  );
  return [...new Set(names)].filter((name) => (expanded?.scope.get(name)?.value ?? '') === '');
}

function at<T>(dockerfile: Dockerfile, range: Range, read: () => T, empty: readonly string[] = []): T {
  try {
    return read();
  } catch (error) {
    if (!isMabuildError(error)) throw error;
    const { code } = error;
    const given = empty.map((name) => `--build-arg ${name}=…`).join(' ');
    const hint =
      empty.length > 0
        ? `${empty.join(' and ')} ${empty.length > 1 ? 'are' : 'is'} empty: give ${given}, or the ARG above the first FROM a default`
        : error.hint;
    throw new MabuildError(error.message, { code, hint, location: locate(dockerfile, range), cause: error });
  }
}
