import type { CallOptions, Platform, SourceLocation } from '@mabuild/oci';
import { isMabuildError, MabuildError } from '@mabuild/oci';
import type { Base } from '../../../dockerfile/base.ts';
import { locate } from '../../../dockerfile/location.ts';
import type { Dockerfile, Instruction, Range } from '../../../dockerfile/model.ts';
import type { Scope } from '../../../dockerfile/scope.ts';
import { expandWord, expandWords } from '../../../dockerfile/words.ts';
import { BuildFailedError } from '../../build-failed.ts';
import type { BuildSecrets } from '../../build-secrets.ts';
import type { EngineBuild } from '../../engine.ts';
import type { ExecuteRun, RunOutcome } from '../cache/run-cache.ts';
import { CopyError, type Owner } from '../copy/layer-draft.ts';
import { ownerOf } from '../copy/users.ts';
import type { FileSource } from '../file-source.ts';
import type { LayerEntry } from '../layers/entry.ts';
import type { StoredLayer } from '../layers/layer-scanner.ts';
import type { WrittenLayer } from '../layers/layer-writer.ts';
import { applyLayer } from '../layers/tree.ts';
import type { RunRequest } from '../run-request.ts';
import { lazily, type StageState } from '../state.ts';

/** A file that ADD fetched. */
export interface Download {
  /** Where it lies, until the engine is closed. */
  readonly file: string;
  readonly size: number;
  readonly digest: string;
  /** Seconds since the epoch, as the server says; 0 when it does not. */
  readonly modified: number;
}

/** What a step needs besides the state that it starts with. */
export interface StepSite extends CallOptions {
  readonly dockerfile: Dockerfile;
  readonly build: EngineBuild;
  /** What stands above the first FROM. */
  readonly globals: Scope;
  /** Seconds since the epoch: the time of folders that nothing else gives a time. */
  readonly now: number;
  readonly context: FileSource;
  /** For RUN's mounts. */
  readonly secrets?: BuildSecrets | undefined;
  /** For what lives as long as the engine. */
  readonly temporaryDirectory: string;
  /** Gives the files of a stage or an image. */
  source(base: Base, instruction: Instruction): Promise<FileSource>;
  /** Writes a layer; `SOURCE_DATE_EPOCH` and `--no-cache` are applied. */
  write(entries: readonly LayerEntry[]): Promise<WrittenLayer>;
  /** Makes a layer, or finds what was made before of the same facts; they decide all that is in it. */
  remembered(facts: readonly unknown[], make: () => Promise<WrittenLayer | undefined>): Promise<RunOutcome>;
  /** `SOURCE_DATE_EPOCH`. */
  readonly epoch: number | undefined;
  /** Layers may lie elsewhere, and are better not fetched. */
  readonly keepsElsewhere: boolean;
  /** Executes a RUN, or finds what it made before. */
  run(request: RunRequest, execute: ExecuteRun): Promise<RunOutcome>;
  /** Reads what a layer holds. */
  entries(layer: StoredLayer): Promise<readonly LayerEntry[]>;
  /** Fetches a URL. @throws MabuildError */
  download(url: string): Promise<Download>;
  /** Tells of something that is probably not meant. */
  warn(instruction: Instruction, message: string): void;
  /** Tells what an instruction's program writes. */
  log(instruction: Instruction, stream: 'stdout' | 'stderr', text: string): void;
  /** Checks a git repository out, with or without its `.git`. */
  repository(url: string, keepGitDirectory: boolean): Promise<FileSource>;
}

/** Takes a stage's state and an instruction, and gives the next state. */
export type Step = (
  state: StageState,
  instruction: Instruction,
  site: StepSite,
) => StageState | Promise<StageState>;

/** Where an instruction stands in the user's file. */
export function locationOf(site: StepSite, instruction: Instruction): SourceLocation {
  return site.build.originalLocation?.(instruction.startLine) ?? locate(site.dockerfile, instruction.range);
}

/** The error of a step that cannot be done. */
export function stepFailed(
  site: Pick<StepSite, 'dockerfile' | 'build'>,
  instruction: Instruction,
  reason: string,
  details: { readonly cause?: unknown; readonly platform?: Platform } = {},
): BuildFailedError {
  return new BuildFailedError({
    platform: details.platform ?? site.build.platform,
    step: instruction.logical.text.trim(),
    location: locationOf(site as StepSite, instruction),
    reason,
    cause: details.cause,
  });
}

/** The error of what only another engine does. */
export function notSupported(
  site: StepSite,
  instruction: Instruction,
  what: string,
  hint: string,
): MabuildError {
  return new MabuildError(
    `the embedded engine cannot build line ${locationOf(site, instruction).line}: ${what}`,
    {
      code: 'NOT_SUPPORTED_BY_EMBEDDED',
      hint,
      location: locationOf(site, instruction),
    },
  );
}

/** The numbers of `user[:group]` in a stage; unknown names are warned of. */
export function ownerIn(
  site: StepSite,
  state: StageState,
  instruction: Instruction,
  spec: string,
): Promise<Owner> {
  return ownerOf(spec, state.tree, (what) => {
    if (state.layers.length === 0) throw new CopyError(`scratch knows no ${what}: give its number`);
    site.warn(instruction, `the image knows no ${what}: root's number is taken, as BuildKit does`);
  });
}

/** Expands a word with the variables of a state. @throws MabuildError `DOCKERFILE_EXPANSION` with its place */
export function expand(site: StepSite, state: StageState, instruction: Instruction, raw: string): string {
  return placed(
    site,
    instruction,
    instruction.range,
    () => expandWord(raw, state.variables, { escape: site.dockerfile.escape }).text,
  );
}

/** Expands a word that may become several. */
export function expandToWords(
  site: StepSite,
  state: StageState,
  instruction: Instruction,
  raw: string,
): readonly string[] {
  return placed(site, instruction, instruction.range, () =>
    expandWords(raw, state.variables, { escape: site.dockerfile.escape }),
  );
}

function placed<T>(site: StepSite, instruction: Instruction, _range: Range, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isMabuildError(error)) throw error;
    const { code, hint } = error;
    throw new MabuildError(error.message, {
      code,
      hint,
      location: locationOf(site, instruction),
      cause: error,
    });
  }
}

/** Names and values of ENV and LABEL, expanded with what was known before the instruction. */
export function expandPairs(
  site: StepSite,
  state: StageState,
  instruction: Instruction,
): readonly (readonly [string, string])[] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < instruction.words.length; index += 2) {
    const text = (at: number): string => expand(site, state, instruction, instruction.words[at]?.raw ?? '');
    pairs.push([text(index), text(index + 1)]);
  }
  return pairs;
}

/** The state with a layer on top, and what made it in the history. */
export function stacked(
  state: StageState,
  layer: StoredLayer,
  createdBy: string,
  site: Pick<StepSite, 'entries'>,
): StageState {
  const { created } = layer;
  const history = { ...(created && { created }), created_by: createdBy, comment: 'buildkit.dockerfile.v0' };
  const { tree } = state;
  return {
    ...state,
    history: [...state.history, history],
    layers: [...state.layers, layer],
    tree: lazily(async () => applyLayer(await tree(), await site.entries(layer))),
  };
}
