import type { Platform } from '@mabuild/oci';
import { Attached } from '../attached.ts';
import { renumberStages } from '../dockerfile/alias-stage.ts';
import { applyEdits } from '../dockerfile/edit.ts';
import { lineAbove } from '../dockerfile/line-above.ts';
import type { Dockerfile, Instruction, Range, Stage, TextEdit } from '../dockerfile/model.ts';
import { literalEdits } from './per-arch.ts';
import { type Choice, choicesFor, textFor } from './platform-choice.ts';
import { StageNames } from './stage-names.ts';
import type { Run } from './stage-runs.ts';
import type { Variation } from './variation.ts';

/** A stage, and the instructions in it that cannot choose by themselves. */
export interface StageSplit {
  readonly stage: Stage;
  readonly runs: readonly Run[];
  /** All that varies in the runs. */
  readonly variations: readonly Variation[];
}

/**
 * Splits stages: what varies stands in one stage for each platform, the rest in front of them and behind them.
 *
 * A platform that a text is not known for gets a stage that fails and says so.
 */
export function selectStages(
  dockerfile: Dockerfile,
  splits: readonly StageSplit[],
  platforms: readonly Platform[],
): readonly TextEdit[] {
  if (splits.length === 0) return [];
  const { asked, args } = choicesFor([], platforms);
  const added = (index: number): number =>
    splits
      .filter(({ stage }) => stage.index <= index)
      .reduce((sum, { runs }) => sum + runs.length * (asked.length + 2), 0);
  const renumbered = hasNumbers(dockerfile)
    ? renumberStages(dockerfile, (index) => index + added(index))
    : [];
  const names = new StageNames(
    dockerfile,
    asked.map(({ label }) => label),
  );
  const reference = args.map((name) => `\${${name}}`).join('');
  const regions: TextEdit[] = [];
  const fromNames: TextEdit[] = [];
  for (const split of splits) {
    const named = names.of(dockerfile, split.stage, split.runs.length);
    fromNames.push(nameFrom(dockerfile, split.stage, `${named.prefixes[0]}-base`));
    split.runs.forEach((run, index) => {
      const prefix = named.prefixes[index] as string;
      const next = named.prefixes[index + 1];
      regions.push(
        region(dockerfile, split, run, {
          asked,
          renumbered,
          prefix,
          last: `${prefix}-${reference}`,
          name: next === undefined ? named.last : `${next}-base`,
        }),
      );
    });
  }
  const outside = renumbered.filter(
    (edit) => !regions.some(({ start, end }) => start <= edit.start && edit.end <= end),
  );
  return [...fromNames, ...regions, ...outside];
}

const numbered = new Attached<Dockerfile, boolean>();

/** Tells whether a file names a stage by its number. */
function hasNumbers(dockerfile: Dockerfile): boolean {
  const known =
    numbered.get(dockerfile) ??
    dockerfile.instructions.some(({ flags }) =>
      flags.some(({ name, value }) => name === 'from' && /^[+-]?\d+$/.test(value ?? '')),
    );
  numbered.set(dockerfile, known);
  return known;
}

/** Gives a FROM a name, in place of its own if it has one. */
function nameFrom(dockerfile: Dockerfile, { from, base }: Stage, name: string): TextEdit {
  const own = from.words[2];
  if (own) return { ...own.range, newText: name };
  return { start: base.range.end, end: base.range.end, newText: ` ${keywords(dockerfile, from).as} ${name}` };
}

/** FROM and AS in the case that the file writes them in. */
function keywords(
  { text }: Dockerfile,
  { keywordRange }: Instruction,
): { from: string; as: string; run: string } {
  const isLower = text.slice(keywordRange.start, keywordRange.end) === 'from';
  return isLower ? { from: 'from', as: 'as', run: 'run' } : { from: 'FROM', as: 'AS', run: 'RUN' };
}

interface RegionRequest {
  readonly asked: readonly Choice[];
  readonly renumbered: readonly TextEdit[];
  readonly prefix: string;
  /** The stage to go on from. */
  readonly last: string;
  /** What goes on. */
  readonly name: string;
}

function region(
  dockerfile: Dockerfile,
  { stage, variations }: StageSplit,
  run: Run,
  { asked, renumbered, prefix, last, name }: RegionRequest,
): TextEdit {
  const { text, newline } = dockerfile;
  const instructions = stage.instructions.slice(run.start, run.end);
  const [first] = instructions as [Instruction, ...Instruction[]];
  const range = {
    start: lineAbove(dockerfile, first, '').start,
    end: instructions.at(-1)?.range.end ?? first.range.end,
  };
  const words = keywords(dockerfile, stage.from);
  const from = (base: string, as: string): string => `${words.from} ${base} ${words.as} ${as}${newline}`;
  const inside = variations.filter(({ site }) => contains(range, site.pieces[0]));
  const copy = (choice: Choice): string => {
    if (inside.some((variation) => textFor(variation, choice) === undefined)) {
      return `${words.run} echo "unsupported platform: ${choice.key}" >&2; exit 1`;
    }
    const edits = [...literalEdits(dockerfile, inside, (item) => textFor(item, choice)), ...renumbered];
    return instructions
      .map((instruction) => {
        const start = text.lastIndexOf('\n', instruction.range.start - 1) + 1;
        return edited(text, { start, end: instruction.range.end }, edits).replace(/[\r\n]+$/, '');
      })
      .join(newline);
  };
  const parts = [
    from(`${prefix}-base`, `${prefix}-amd64`) + edited(text, range, renumbered),
    ...asked.map((choice) => from(`${prefix}-base`, `${prefix}-${choice.label}`) + copy(choice)),
    from(last, name).trimEnd(),
  ];
  const above = text.slice(text.lastIndexOf('\n', range.start - 2) + 1, range.start);
  const isApart = above.trim() === '';
  return { ...range, newText: (isApart ? '' : newline) + parts.join(newline + newline) };
}

function contains(outer: Range, inner: Range | undefined): boolean {
  return inner !== undefined && outer.start <= inner.start && inner.end <= outer.end;
}

/** A part of the text with the edits that lie in it. */
function edited(text: string, range: Range, edits: readonly TextEdit[]): string {
  const own = edits
    .filter(({ start }) => range.start <= start && start < range.end)
    .map(({ start, end, newText }) => ({
      start: start - range.start,
      end: Math.min(end, range.end) - range.start,
      newText,
    }));
  return applyEdits(text.slice(range.start, range.end), own);
}
