import { dockerfileError } from './location.ts';
import type { Dockerfile, Flag, Instruction, Stage, Word } from './model.ts';
import { readMount } from './mounts.ts';
import {
  chosenStage,
  type ExpandedWord,
  expandIn,
  globalScope,
  type Scope,
  type ScopeOptions,
} from './scope.ts';
import { findBaseStage, findStage } from './stage-name.ts';
import type { Segment } from './words.ts';

/** An image from outside the file. */
export interface ImageBase {
  readonly kind: 'image';
  /** Expanded, e.g. `ubuntu:22.04`. */
  readonly name: string;
  /** Where the parts of the name come from; empty when the name has no place of its own in the file. */
  readonly segments: readonly Segment[];
  /** For {@link originOf} and {@link editExpanded}. */
  readonly expanded: ExpandedWord | undefined;
  /** The value of FROM's `--platform`, expanded; `undefined` also when it needs automatic ARGs that are not given. */
  readonly platform: string | undefined;
}

/** What a FROM stands on, or what a COPY or a mount takes files from. */
export type Base =
  | { readonly kind: 'stage'; readonly stage: Stage }
  | { readonly kind: 'scratch' }
  | ImageBase;

/**
 * Says what a stage stands on.
 *
 * @throws MabuildError `DOCKERFILE_SYNTAX` for a blank base or platform, `DOCKERFILE_EXPANSION`.
 */
export function resolveBase(dockerfile: Dockerfile, stage: Stage, options: ScopeOptions = {}): Base {
  const globals = globalScope(dockerfile, options);
  const expanded = expandIn(dockerfile, stage.base, globals);
  const name = expanded.expansion.text;
  const base = findBaseStage(dockerfile, stage, name) ?? chosenStage(dockerfile, stage, globals);
  if (name === '' && !base) {
    const unset = expanded.expansion.unmatched[0];
    throw dockerfileError(
      dockerfile,
      stage.base.range,
      `base name (${stage.base.raw}) should not be blank`,
      unset && `give it with --build-arg ${unset}=…, or a default with ARG ${unset}=… above the first FROM`,
    );
  }
  const platform = stage.platform && expandPlatform(dockerfile, stage.platform, globals, options);
  if (base) return { kind: 'stage', stage: base };
  if (name === 'scratch') return { kind: 'scratch' };
  return { kind: 'image', name, segments: expanded.expansion.segments, expanded, platform };
}

function expandPlatform(
  dockerfile: Dockerfile,
  flag: Flag,
  globals: Scope,
  options: ScopeOptions,
): string | undefined {
  if (!flag.value) return undefined;
  const word = flagWord(flag);
  const { text, unmatched } = expandIn(dockerfile, word, globals).expansion;
  if (unmatched.length > 0 && options.platformArgs === undefined) return undefined;
  if (text !== '') return text;
  throw dockerfileError(dockerfile, word.range, `empty platform value from expression ${flag.value}`);
}

/** A flag's value as a word; its pieces are only known when no quotes hide them. */
function flagWord(flag: Flag): Word {
  const range = flag.valueRange ?? flag.range;
  return { raw: flag.value ?? '', range, pieces: flag.valuePieces ?? [] };
}

/** A source of files that an instruction names. */
export interface CopySource {
  readonly base: Base;
  /** The value of `from` as it is written; its pieces are empty when quotes hide them. */
  readonly word: Word;
  readonly flag: Flag;
}

/**
 * The stages and images that an instruction takes files from: `COPY --from=` and `RUN --mount=from=`.
 *
 * @throws MabuildError `DOCKERFILE_SYNTAX` for variables in `--from` and for numbers of no stage.
 */
export function resolveSources(dockerfile: Dockerfile, instruction: Instruction): readonly CopySource[] {
  if (instruction.keyword === 'COPY') {
    return instruction.flags.flatMap((flag) => {
      if (flag.name !== 'from' || !flag.value) return [];
      const word = flagWord(flag);
      return [{ base: copyBase(dockerfile, word), word, flag }];
    });
  }
  if (instruction.keyword !== 'RUN') return [];
  return instruction.flags.flatMap((flag) => {
    if (flag.name !== 'mount') return [];
    const from = readMount(flag).find((field) => field.key === 'from');
    if (!from?.value) return [];
    const word = from.word ?? { raw: from.value, range: flag.valueRange ?? flag.range, pieces: [] };
    return [{ base: named(dockerfile, from.value, word), word, flag }];
  });
}

function copyBase(dockerfile: Dockerfile, word: Word): Base {
  const expanded = expandIn(dockerfile, word, new Map());
  if (expanded.expansion.text !== word.raw) {
    throw dockerfileError(
      dockerfile,
      word.range,
      'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround',
      `add FROM ${word.raw} AS name above and copy with --from=name`,
    );
  }
  if (!/^[+-]?\d+$/.test(word.raw)) return named(dockerfile, word.raw, word);
  const stage = dockerfile.stages[Number(word.raw)];
  if (stage) return { kind: 'stage', stage };
  const count = dockerfile.stages.length;
  throw dockerfileError(
    dockerfile,
    word.range,
    `invalid stage index ${Number(word.raw)}`,
    `the file has ${count === 1 ? 'one stage, number 0' : `${count} stages, numbered from 0 to ${count - 1}`}`,
  );
}

function named(dockerfile: Dockerfile, name: string, word: Word): Base {
  const stage = findStage(dockerfile, name);
  if (stage) return { kind: 'stage', stage };
  if (name === 'scratch') return { kind: 'scratch' };
  const expanded = word.pieces.length > 0 ? expandIn(dockerfile, word, new Map()) : undefined;
  return { kind: 'image', name, segments: expanded?.expansion.segments ?? [], expanded, platform: undefined };
}
