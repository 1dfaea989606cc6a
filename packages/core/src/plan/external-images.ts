import { type ImageReference, isMabuildError, MabuildError, type Platform, parsePlatform, parseReference } from '@mabuild/oci';
import { resolveBase, resolveSources } from '../dockerfile/base.ts';
import { locate } from '../dockerfile/location.ts';
import type { Dockerfile, Instruction, Range, Stage } from '../dockerfile/model.ts';
import type { ScopeOptions } from '../dockerfile/scope.ts';
import { stageGraph } from '../dockerfile/stage-graph.ts';
import type { WantedBase } from './resolve-bases.ts';

/** An image that a stage of the build stands on or copies from. */
export interface ExternalImage extends WantedBase {
  readonly stage: Stage;
  /** The FROM, COPY or RUN that names it. */
  readonly instruction: Instruction;
  /** The name as the file's expansion gives it. */
  readonly name: string;
  readonly role: 'base' | 'source';
}

/**
 * Lists every image from outside that the needed stages use, in the order of the file.
 *
 * A `FROM` follows its `--platform`; `COPY --from` and `RUN --mount=from` follow the target platform, as in BuildKit.
 * @throws MabuildError `DOCKERFILE_SYNTAX`, `TARGET_NOT_FOUND`, `INVALID_REFERENCE` and `INVALID_PLATFORM` with the place
 */
export function externalImages(
  dockerfile: Dockerfile,
  options: ScopeOptions & { readonly target?: string | undefined; readonly platform: Platform },
): readonly ExternalImage[] {
  const images: ExternalImage[] = [];
  for (const stage of stageGraph(dockerfile, options.target, options)) {
    const base = resolveBase(dockerfile, stage, options);
    if (base.kind === 'image') {
      const platform = stagePlatform(dockerfile, stage, base.platform, options.platform);
      images.push(external(dockerfile, stage, stage.from, base.name, stage.base.range, platform, 'base'));
    }
    for (const instruction of stage.instructions) {
      for (const { base: source, word, flag } of resolveSources(dockerfile, instruction)) {
        if (source.kind !== 'image') continue;
        const range = word.pieces.length > 0 ? word.range : flag.range;
        images.push(external(dockerfile, stage, instruction, source.name, range, options.platform, 'source'));
      }
    }
  }
  return images;
}

function external(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction: Instruction,
  name: string,
  range: Range,
  platform: Platform,
  role: 'base' | 'source',
): ExternalImage {
  const location = locate(dockerfile, range);
  return { stage, instruction, name, role, platform, location, reference: readReference(name, location) };
}

function readReference(name: string, location: ReturnType<typeof locate>): ImageReference {
  try {
    return parseReference(name);
  } catch (error) {
    throw located(error, location);
  }
}

/** The platform that a stage is built for: its own `--platform`, or the build's. */
export function stagePlatform(
  dockerfile: Dockerfile,
  stage: Stage,
  stated: string | undefined,
  target: Platform,
): Platform {
  if (stated === undefined || stated === '') return target;
  try {
    return parsePlatform(stated);
  } catch (error) {
    throw located(error, locate(dockerfile, stage.platform?.range ?? stage.from.range));
  }
}

function located(error: unknown, location: ReturnType<typeof locate>): unknown {
  if (!isMabuildError(error)) return error;
  return new MabuildError(error.message, { code: error.code, hint: error.hint, location, cause: error });
}
