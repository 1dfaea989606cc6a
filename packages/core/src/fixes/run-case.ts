import type { Platform } from '@mabuild/oci';
import type { Dockerfile, Instruction, Range, Stage, TextEdit } from '../dockerfile/model.ts';
import { type CaseVariable, caseLines } from './case-lines.ts';
import { distinctSites, replaceSite } from './per-arch.ts';
import { automaticText, choicesFor, textFor } from './platform-choice.ts';
import { scriptOf, shellQuoting, withQuotes } from './shell-site.ts';
import type { Quoting, Variation } from './variation.ts';

/** How one RUN is written for every platform. */
export interface RunFix {
  readonly edits: readonly TextEdit[];
  /** The automatic ARGs that it reads. */
  readonly args: readonly string[];
}

/** A variation that cannot be written, and why. */
export interface Refusal {
  readonly variation: Variation;
  readonly why: string;
}

/** Finds out which variations of a RUN cannot be written in its shell. */
export function refusedInRun(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction: Instruction,
  variations: readonly Variation[],
): readonly Refusal[] {
  const script = scriptOf(dockerfile, stage, instruction);
  return variations.flatMap((variation): readonly Refusal[] => {
    if (!variation.site.shell || instruction.json || !script)
      return [{ variation, why: 'no shell reads the text' }];
    if (script.shell.broken) return [{ variation, why: 'the shell text could not be read' }];
    const quoting = shellQuoting(script, variation.site);
    if (quoting === undefined) return [{ variation, why: 'no variable is expanded in the text' }];
    const texts = [variation.text, ...Object.values(variation.texts)];
    if (texts.some((text) => /[\r\n]/.test(text)) || texts.slice(1).some((text) => /[$`]/.test(text)))
      return [{ variation, why: 'the text is not plain' }];
    if (quoting === 'none' && texts.some((text) => /[{}~\\]/.test(text)))
      return [{ variation, why: 'the shell would read the text in another way' }];
    return [];
  });
}

/**
 * Writes the variations of one RUN: one `case` at its head sets a variable for each.
 *
 * All of them must have passed {@link refusedInRun}; `taken` are names that the stage has given to something else.
 */
export function runCase(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction: Instruction,
  variations: readonly Variation[],
  platforms: readonly Platform[],
  taken: ReadonlySet<string>,
): RunFix {
  const script = scriptOf(dockerfile, stage, instruction);
  const quotingOf = (variation: Variation): Quoting =>
    (script && shellQuoting(script, variation.site)) ?? variation.site.quoting;
  const distinct = distinctSites(variations);
  const told = inlineTexts(distinct, platforms);
  const edits = [...told].flatMap(([variation, { text }]) =>
    written(dockerfile.text, variation.site.pieces, text, quotingOf(variation)),
  );
  const args = [...told.values()].flatMap((item) => item.args);
  const chosen = distinct.filter((variation) => !told.has(variation));
  if (chosen.length === 0) return { edits, args: [...new Set(args)] };

  const choices = choicesFor(chosen, platforms);
  const body = dockerfile.text.slice(instruction.range.start, instruction.range.end);
  const variables = new Map<string, CaseVariable>();
  for (const variation of chosen) {
    const texts = choices.choices.map((choice) => textFor(variation, choice));
    const key = JSON.stringify([variation.name, variation.text, texts]);
    const names = [...variables.values()].map(({ name }) => name);
    const variable = variables.get(key) ?? {
      name: freeVariable(
        variation.name,
        (name) => names.includes(name) || taken.has(name) || isTaken(name, body),
      ),
      text: variation.text,
      texts,
    };
    variables.set(key, variable);
    const { pieces } = variation.site;
    const quoting = quotingOf(variation);
    // Quotes that hold nothing else would leave an empty word.
    const bare = texts.includes('') && quoting !== 'none' ? withQuotes(dockerfile.text, pieces) : undefined;
    const reference = `\${${variable.name}}`;
    edits.push(...written(dockerfile.text, bare ?? pieces, reference, bare ? 'none' : quoting));
  }
  const isScript =
    script !== undefined &&
    instruction.heredocs.length > 0 &&
    script.logical.pieces[0]?.start === instruction.heredocs[0]?.range.start;
  const request = {
    subject: choices.args,
    choices: choices.choices,
    variables: [...variables.values()],
    isScript,
  };
  edits.push(...caseLines(dockerfile, instruction, request));
  return { edits, args: [...new Set([...args, ...choices.args])] };
}

/** What needs no `case`: texts that the shell finds out, and BuildKit's words when nothing else is to be chosen. */
function inlineTexts(
  variations: readonly Variation[],
  platforms: readonly Platform[],
): ReadonlyMap<Variation, { readonly text: string; readonly args: readonly string[] }> {
  const told = new Map(
    variations.flatMap((variation) => (variation.shell ? [[variation, variation.shell] as const] : [])),
  );
  const others = variations.filter((variation) => !told.has(variation));
  const choices = choicesFor(others, platforms);
  const automatic = others.flatMap((variation) => {
    const text = automaticText(variation, choices);
    return text ? [[variation, text] as const] : [];
  });
  return automatic.length < others.length ? told : new Map([...told, ...automatic]);
}

/** A text in place of a span, so that the shell expands it. */
function written(
  source: string,
  pieces: readonly Range[],
  text: string,
  quoting: Quoting,
): readonly TextEdit[] {
  const first = pieces[0];
  const last = pieces.at(-1);
  if (quoting !== 'single' || !first || !last) return replaceSite({ pieces }, text);
  // Quotes that would hold nothing go.
  const opens = source[first.start - 1] === "'";
  const closes = source[last.end] === "'";
  const outer = pieces.map((piece) => ({
    start: piece === first && opens ? piece.start - 1 : piece.start,
    end: piece === last && closes ? piece.end + 1 : piece.end,
  }));
  return replaceSite({ pieces: outer }, `${opens ? '' : "'"}"${text}"${closes ? '' : "'"}`);
}

/** A script sets or reads a variable of that name, also one in quotes for another shell. */
function isTaken(name: string, body: string): boolean {
  if (!body.includes(name)) return false;
  const uses = [
    `\\$\\{?[#!]?${name}\\b`,
    `(?:^|[\\s;(\`"']|&&|\\|\\|)${name}\\+?=`,
    `\\b(?:for|read|export|local|declare|typeset|readonly|unset|getopts|mapfile|readarray|printf)\\s[^;&|]*\\b${name}\\b`,
  ];
  return new RegExp(uses.join('|')).test(body);
}

function freeVariable(stem: string, isUsed: (name: string) => boolean): string {
  const clean = /^[a-z_]\w*$/i.test(stem) ? stem : 'arch';
  let name = clean;
  for (let count = 2; isUsed(name); count += 1) name = `${clean}${count}`;
  return name;
}
