import { isMabuildError, MabuildError } from '@mabuild/oci';
import { Attached } from '../attached.ts';
import { replacePieces } from './edit.ts';
import { locate } from './location.ts';
import { sliceLogical, sourceRange } from './logical.ts';
import type { Dockerfile, Instruction, Range, Stage, TextEdit, Word } from './model.ts';
import { findBaseStage } from './stage-name.ts';
import { type VariableLayers, variableLayers } from './variable-layers.ts';
import { type Expansion, expandWord, isLiteral } from './words.ts';

/** What comes from outside the file. */
export interface ScopeOptions {
  /** `--build-arg`. */
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** The automatic ARGs of this build: {@link platformArgs}. */
  readonly platformArgs?: Readonly<Record<string, string>> | undefined;
}

/** A variable as an instruction sees it, and how it got its value. */
export interface Variable {
  readonly name: string;
  readonly value: string;
  /** `default` and `env` values stand in the file, the others come from outside. */
  readonly from: 'default' | 'env' | 'build-arg' | 'platform';
  /** The ARG or ENV that gives the value. */
  readonly instruction?: Instruction;
  /** The default or ENV value as it is written. */
  readonly word?: Word;
  /** How `word` became `value`. */
  readonly expansion?: Expansion;
  /** The variables that `word` was expanded with. */
  readonly scope?: Scope;
}

/** The variables that an instruction can expand. */
export type Scope = ReadonlyMap<string, Variable>;

/** An expanded word together with what is needed to find the source of any part of it. */
export interface ExpandedWord {
  readonly word: Word;
  readonly expansion: Expansion;
  readonly scope: Scope;
}

const own = (record: Readonly<Record<string, string>> | undefined, name: string): string | undefined =>
  record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;

/** What FROM can expand: automatic ARGs, the ARGs above the first FROM, `--build-arg` values of both. */
export function globalScope(dockerfile: Dockerfile, options: ScopeOptions = {}): Scope {
  const known = scopesFor(dockerfile, options);
  known.globals ??= readGlobals(dockerfile, options);
  return known.globals;
}

function readGlobals(dockerfile: Dockerfile, options: ScopeOptions): Scope {
  const scope = variableLayers<Variable>();
  for (const [name, automatic] of Object.entries(options.platformArgs ?? {})) {
    const given = own(options.buildArgs, name);
    scope.set(name, {
      name,
      value: given ?? automatic,
      from: given === undefined ? 'platform' : 'build-arg',
    });
  }
  for (const instruction of dockerfile.globalArgs) {
    for (const { name, value } of argDefinitions(instruction)) {
      const variable =
        given(name, options, instruction) ??
        defaultValue(dockerfile, name, value, scope.snapshot(), instruction);
      if (variable) scope.set(name, variable);
    }
  }
  return scope.snapshot();
}

/**
 * What an instruction of a stage can expand, right before it runs; without an instruction, at the end of the stage.
 *
 * Variables of the external base image are not known here. A global ARG and an automatic ARG count only once the stage
 * declares them, and a default of the stage's own hides both.
 */
export function scopeAt(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction?: Instruction,
  options: ScopeOptions = {},
): Scope {
  const globals = globalScope(dockerfile, options);
  if (instruction === stage.from) return globals;
  const { before, end, failure } = stageScopes(dockerfile, stage, globals, options);
  const scope = instruction === undefined ? end : (before.get(instruction) ?? end);
  if (scope) return scope;
  throw failure;
}

/** The scopes of a stage: what stands above the line that cannot be expanded, and why the rest cannot be told. */
interface StageScopes {
  readonly before: ReadonlyMap<Instruction, Scope>;
  readonly end?: Scope;
  readonly failure?: unknown;
}

interface KnownScopes {
  globals?: Scope;
  readonly stages: Map<Stage, StageScopes>;
}

const known = new Attached<Dockerfile, Map<string, KnownScopes>>();

/** Tells values from outside apart; mostly there are none. */
export function givenKey(given: Readonly<Record<string, string>> | undefined): string {
  for (const _ in given) return JSON.stringify(given);
  return '{}';
}

function scopesFor(dockerfile: Dockerfile, options: ScopeOptions): KnownScopes {
  let builds = known.get(dockerfile);
  if (!builds) {
    builds = new Map<string, KnownScopes>();
    known.set(dockerfile, builds);
  }
  const key = givenKey(options.buildArgs) + givenKey(options.platformArgs);
  let scopes = builds.get(key);
  if (!scopes) {
    scopes = { stages: new Map<Stage, StageScopes>() };
    builds.set(key, scopes);
  }
  return scopes;
}

/** Reads a stage once, after those that it stands on: what it costs grows with the lines, not with their square. */
function stageScopes(
  dockerfile: Dockerfile,
  stage: Stage,
  globals: Scope,
  options: ScopeOptions,
): StageScopes {
  const { stages } = scopesFor(dockerfile, options);
  const unread: Stage[] = [];
  for (let next: Stage | undefined = stage; next && !stages.has(next); ) {
    unread.push(next);
    next = attempt(() => parentOf(dockerfile, next as Stage, globals)?.stage).value;
  }
  for (const item of unread.reverse())
    stages.set(item, readStage(dockerfile, item, stages, globals, options));
  return stages.get(stage) as StageScopes;
}

function attempt<T>(read: () => T): { readonly value?: T; readonly failure?: unknown } {
  try {
    return { value: read() };
  } catch (failure) {
    return { failure };
  }
}

interface Parent {
  readonly stage: Stage;
  /** Only one of several, one for each platform. */
  readonly chosen: boolean;
}

function parentOf(dockerfile: Dockerfile, stage: Stage, globals: Scope): Parent | undefined {
  const base = findBaseStage(dockerfile, stage, expandIn(dockerfile, stage.base, globals).expansion.text);
  if (base) return { stage: base, chosen: false };
  const chosen = chosenStage(dockerfile, stage, globals);
  return chosen && { stage: chosen, chosen: true };
}

function readStage(
  dockerfile: Dockerfile,
  stage: Stage,
  stages: ReadonlyMap<Stage, StageScopes>,
  globals: Scope,
  options: ScopeOptions,
): StageScopes {
  const before = new Map<Instruction, Scope>();
  try {
    const parent = parentOf(dockerfile, stage, globals);
    const inherited = parent && stages.get(parent.stage);
    if (inherited && !inherited.end) return { before, failure: inherited.failure };
    const scope = variableLayers(inherited?.end);
    if (parent?.chosen) for (const name of namesSetIn(parent.stage)) scope.delete(name);
    for (const instruction of stage.instructions) {
      before.set(instruction, scope.snapshot());
      if (instruction.onbuild) before.set(instruction.onbuild, scope.snapshot());
      if (instruction.keyword === 'ENV') addEnv(dockerfile, instruction, scope);
      if (instruction.keyword === 'ARG') addArg(dockerfile, instruction, scope, globals, options);
    }
    return { before, end: scope.snapshot() };
  } catch (failure) {
    return { before, failure };
  }
}

/** The automatic ARGs on amd64, with the names that a FROM may choose a stage by. */
const onAmd64 = new Map([
  ['TARGETARCH', 'amd64'],
  ['TARGETVARIANT', ''],
  ['TARGETOS', 'linux'],
]);

/**
 * The stage that a FROM stands on when the platform chooses it, e.g. `FROM app-${TARGETARCH}`, and no platform is given:
 * amd64's stands for all of them.
 */
export function chosenStage(dockerfile: Dockerfile, stage: Stage, globals: Scope): Stage | undefined {
  if (!stage.base.raw.includes('TARGET')) return undefined;
  const env = { get: (name: string) => globals.get(name)?.value ?? onAmd64.get(name) };
  return findBaseStage(
    dockerfile,
    stage,
    expandWord(stage.base.raw, env, { escape: dockerfile.escape }).text,
  );
}

/** What the stages of other platforms may set otherwise. */
function namesSetIn({ instructions }: Stage): readonly string[] {
  return instructions.flatMap((instruction) => {
    if (instruction.keyword === 'ARG') return argDefinitions(instruction).map(({ name }) => name);
    if (instruction.keyword !== 'ENV') return [];
    return instruction.words.filter((_, index) => index % 2 === 0).map(({ raw }) => raw);
  });
}

function addEnv(dockerfile: Dockerfile, instruction: Instruction, scope: VariableLayers<Variable>): void {
  const before: Scope = scope.snapshot();
  for (let index = 0; index + 1 < instruction.words.length; index += 2) {
    const name = expandIn(dockerfile, instruction.words[index] as Word, before).expansion.text;
    const expanded = expandIn(dockerfile, instruction.words[index + 1] as Word, before);
    scope.set(name, variableOf(name, 'env', instruction, expanded));
  }
}

function addArg(
  dockerfile: Dockerfile,
  instruction: Instruction,
  scope: VariableLayers<Variable>,
  globals: Scope,
  options: ScopeOptions,
): void {
  for (const { name, value } of argDefinitions(instruction)) {
    const variable =
      given(name, options, instruction) ??
      (value === undefined
        ? globals.get(name)
        : defaultValue(dockerfile, name, value, scope.snapshot(), instruction));
    if (variable) scope.set(name, variable);
  }
}

function given(name: string, options: ScopeOptions, instruction: Instruction): Variable | undefined {
  const value = own(options.buildArgs, name);
  return value === undefined ? undefined : { name, value, from: 'build-arg', instruction };
}

function defaultValue(
  dockerfile: Dockerfile,
  name: string,
  word: Word | undefined,
  scope: Scope,
  instruction: Instruction,
): Variable | undefined {
  if (word === undefined) return undefined;
  const expanded = expandIn(dockerfile, word, scope);
  return variableOf(name, 'default', instruction, expanded);
}

function variableOf(
  name: string,
  from: Variable['from'],
  instruction: Instruction,
  { word, expansion, scope }: ExpandedWord,
): Variable {
  return { name, value: expansion.text, from, instruction, word, expansion, scope };
}

/** One name of an ARG and its default as it is written. */
export interface ArgDefinition {
  readonly name: string;
  readonly value: Word | undefined;
}

/** The names of an ARG instruction, in order. */
export function argDefinitions(instruction: Instruction): readonly ArgDefinition[] {
  return instruction.words.map((word) => {
    const equals = word.raw.indexOf('=');
    if (equals < 0) return { name: word.raw, value: undefined };
    return { name: word.raw.slice(0, equals), value: sliceWord(word, equals + 1, word.raw.length) };
  });
}

/** A part of a word as a word of its own. */
export function sliceWord(word: Word, start: number, end: number): Word {
  const logical = { text: word.raw, pieces: word.pieces };
  return {
    raw: word.raw.slice(start, end),
    range: sourceRange(logical, start, end),
    pieces: sliceLogical(logical, start, end).pieces,
  };
}

/** Expands a word of the file. @throws MabuildError `DOCKERFILE_EXPANSION` with its place. */
export function expandIn(dockerfile: Dockerfile, word: Word, scope: Scope): ExpandedWord {
  const env = { get: (name: string) => scope.get(name)?.value };
  try {
    return { word, expansion: expandWord(word.raw, env, { escape: dockerfile.escape }), scope };
  } catch (error) {
    if (!isMabuildError(error)) throw error;
    throw new MabuildError(error.message, {
      code: error.code,
      hint: error.hint,
      location: locate(dockerfile, word.range),
      cause: error,
    });
  }
}

/** A span of the file that makes a part of an expanded word, and the variables on the way to it. */
export interface Origin {
  readonly pieces: readonly Range[];
  readonly variables: readonly Variable[];
}

/**
 * Finds where a part of an expanded word is written: in the word itself, or in the ARG or ENV that it takes it from.
 *
 * `undefined` when the part is made of several pieces, rewritten by a modifier or comes from outside the file.
 */
export function originOf(expanded: ExpandedWord, start: number, end: number): Origin | undefined {
  const { word, expansion, scope } = expanded;
  const segment = expansion.segments.find(
    (item) => item.start <= start && item.end >= end && item.end > item.start,
  );
  if (segment === undefined) return undefined;
  const offset = start - segment.start;
  if (segment.variable === undefined) {
    if (!isLiteral(segment)) return undefined;
    const from = segment.rawStart + offset;
    return { pieces: sliceWord(word, from, from + end - start).pieces, variables: [] };
  }
  const variable = scope.get(segment.variable);
  if (!variable?.word || !variable.expansion || !variable.scope || segment.valueStart === undefined) {
    return undefined;
  }
  const from = segment.valueStart + offset;
  const inner = originOf(
    { word: variable.word, expansion: variable.expansion, scope: variable.scope },
    from,
    from + end - start,
  );
  return inner && { pieces: inner.pieces, variables: [variable, ...inner.variables] };
}

/** Edits that make a part of an expanded word read otherwise; `undefined` where {@link originOf} finds no one place. */
export function editExpanded(
  expanded: ExpandedWord,
  start: number,
  end: number,
  newText: string,
): readonly TextEdit[] | undefined {
  const origin = originOf(expanded, start, end);
  return origin && replacePieces(origin.pieces, newText);
}
