import { Attached } from '../attached.ts';
import { sliceLogical } from '../dockerfile/logical.ts';
import type { Dockerfile, Instruction, Stage, Word } from '../dockerfile/model.ts';
import type { Scope, Variable } from '../dockerfile/scope.ts';
import { type Expansion, expandWord, isLiteral } from '../dockerfile/words.ts';
import type { Quoting } from '../fixes/variation.ts';
import { isPlatformVariable } from './architecture-condition.ts';
import {
  joinMapped,
  type MappedText,
  noText,
  type Source,
  sliceMapped,
  throughReference,
} from './mapped-text.ts';

/** The constants that a word is expanded with, and the stages that they stand in. */
export interface ValueMap {
  readonly dockerfile: Dockerfile;
  readonly scope: Scope;
  readonly stageOf: ReadonlyMap<Instruction, Stage>;
}

/** Expands a word of ENV, ARG, COPY and their kin, each part with its place in the file. */
export function mapWord(
  word: Word,
  values: ValueMap,
  at: { readonly stage: Stage | undefined; readonly instruction: Instruction },
): MappedText {
  const expansion = expand(word.raw, values);
  return mapExpansion(word, expansion, values, at);
}

/** A constant of the Dockerfile as text with its places; `undefined` when only a build knows it. */
export function mapVariable(name: string, values: ValueMap): MappedText | undefined {
  const variable = values.scope.get(name);
  if (!variable) return undefined;
  if (!variable.word || !variable.expansion || !variable.instruction) {
    return {
      text: variable.value,
      leaves: [{ start: 0, end: variable.value.length, source: undefined, through: undefined }],
      switched: isPlatformVariable(name),
    };
  }
  const known = mappedVariables.get(variable);
  if (known) return known;
  const inner = { ...values, scope: variable.scope ?? values.scope };
  const mapped = mapExpansion(variable.word, expand(variable.word.raw, inner), inner, {
    stage: values.stageOf.get(variable.instruction),
    instruction: variable.instruction,
  });
  mappedVariables.set(variable, mapped);
  return mapped;
}

const mappedVariables = new Attached<Variable, MappedText>();

/** A value that is not known stands as a reference. */
export function unknownVariable(name: string): MappedText {
  const text = `\${${name}}`;
  return {
    text,
    leaves: [{ start: 0, end: text.length, source: undefined, through: undefined }],
    switched: isPlatformVariable(name),
  };
}

function expand(raw: string, { dockerfile, scope }: ValueMap): Expansion {
  const lookUp = (name: string): string | undefined => scope.get(name)?.value;
  const options = { escape: dockerfile.escape };
  const expansion = expandWord(raw, { get: lookUp }, options);
  if (expansion.unmatched.length === 0) return expansion;
  const shown = new Set(expansion.unmatched);
  const get = (name: string): string | undefined =>
    lookUp(name) ?? (shown.has(name) ? `\${${name}}` : undefined);
  return expandWord(raw, { get }, options);
}

function mapExpansion(
  word: Word,
  expansion: Expansion,
  values: ValueMap,
  { stage, instruction }: { readonly stage: Stage | undefined; readonly instruction: Instruction },
): MappedText {
  const logical = { text: word.raw, pieces: word.pieces };
  if (expansion.segments.length === 0) {
    if (expansion.text !== '') return { ...noText, text: expansion.text };
    const source = { stage, instruction, logical, from: 0, quoting: 'none' as const, shell: false };
    return { text: '', leaves: [{ start: 0, end: 0, source, through: undefined }], switched: false };
  }
  return joinMapped(
    expansion.segments.map((segment): MappedText => {
      const length = segment.end - segment.start;
      const source: Source = {
        stage,
        instruction,
        logical,
        from: segment.rawStart,
        quoting: quotingAt(word.raw, segment.rawStart, values.dockerfile.escape),
        shell: false,
      };
      const text = expansion.text.slice(segment.start, segment.end);
      if (segment.variable === undefined) {
        return {
          text,
          leaves: [
            { start: 0, end: length, source: isLiteral(segment) ? source : undefined, through: undefined },
          ],
          switched: false,
        };
      }
      const value = mapVariable(segment.variable, values);
      const switched = value?.switched ?? isPlatformVariable(segment.variable);
      if (
        !value ||
        segment.valueStart === undefined ||
        value.text.slice(segment.valueStart, segment.valueStart + length) !== text
      ) {
        return {
          text,
          leaves: [{ start: 0, end: length, source: undefined, through: undefined }],
          switched,
        };
      }
      const part = sliceMapped(value, segment.valueStart, segment.valueStart + length);
      const reference = {
        ...source,
        logical: referenceText(logical, segment.rawStart, segment.rawEnd),
        from: 0,
      };
      return throughReference(part, reference);
    }),
  );
}

function referenceText(
  logical: { readonly text: string; readonly pieces: Word['pieces'] },
  start: number,
  end: number,
): Source['logical'] {
  return sliceLogical(logical, start, end);
}

/** The quotes around a place of a raw word. */
function quotingAt(raw: string, index: number, escaping: string): Quoting {
  let quote: string | undefined;
  for (let at = 0; at < index; at += 1) {
    const character = raw[at];
    if (character === escaping && quote !== "'") at += 1;
    else if (quote === undefined && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = undefined;
  }
  return quote === "'" ? 'single' : quote === '"' ? 'double' : 'none';
}
