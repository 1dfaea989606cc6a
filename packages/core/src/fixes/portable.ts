import type { Platform } from '@mabuild/oci';
import { isLeftOut } from '../analysis/code-words.ts';
import { Attached } from '../attached.ts';
import type { Dockerfile, Instruction, Stage, TextEdit } from '../dockerfile/model.ts';
import { argDefinitions } from '../dockerfile/scope.ts';
import { type ArgUse, baseOf, canDeclare, declareArgs, isBaseKnown } from './declare-args.ts';
import { distinctSites, replaceSite } from './per-arch.ts';
import { automaticText, choicesFor } from './platform-choice.ts';
import { type Refusal, refusedInRun, runCase } from './run-case.ts';
import { stageDefaults } from './stage-default.ts';
import { placesIn, splitRefusal, splitRuns } from './stage-runs.ts';
import { type StageSplit, selectStages } from './stage-selection.ts';
import type { Variation } from './variation.ts';

export type { Refusal } from './run-case.ts';

/** Edits that make one file serve every platform, and what could not be written. */
export interface PortableFix {
  readonly edits: readonly TextEdit[];
  readonly refused: readonly Refusal[];
}

/** All that varies in one instruction. */
interface Group {
  readonly stage: Stage;
  /** The instruction of the stage: with ONBUILD the one that carries `inner`. */
  readonly outer: Instruction;
  readonly inner: Instruction;
  readonly variations: readonly Variation[];
}

/** Instructions whose words BuildKit expands. */
const expanding: ReadonlySet<string> = new Set([
  'ENV',
  'ARG',
  'ADD',
  'COPY',
  'LABEL',
  'WORKDIR',
  'USER',
  'VOLUME',
]);

/** Lines of a RUN that are better repeated for each platform than left to people. */
const mostRepeated = 8;

/**
 * Writes what differs between platforms into one file, so that amd64's result stays as it was.
 *
 * A RUN gets a `case` at its head; ENV, COPY and their kin read TARGETARCH where that says the same, and stand in a
 * stage for each platform where not. A platform for which something is not known stops with a message.
 */
export function portableEdits(
  dockerfile: Dockerfile,
  variations: readonly Variation[],
  platforms: readonly Platform[],
): PortableFix {
  const refused: Refusal[] = [];
  const groups: Group[] = [];
  const edits: TextEdit[] = [];
  const inStages: Variation[] = [];
  for (const [instruction, items] of byInstruction(distinctSites(variations))) {
    if (items[0]?.site.stage) inStages.push(...items);
    else {
      const fix = globalEdits(items, platforms);
      const moved = fix.refused.length > 0 ? stageDefaults(dockerfile, instruction, items) : undefined;
      inStages.push(...(moved ?? []));
      edits.push(...fix.edits);
      if (!moved) refused.push(...fix.refused);
    }
  }
  for (const [instruction, items] of byInstruction(inStages)) {
    const stage = items[0]?.site.stage;
    if (!stage) continue;
    const outer = stage.instructions[placesIn(stage).get(instruction) ?? -1];
    const why = outer ? outOfReach(dockerfile, stage) : 'the place is not in a stage';
    if (outer && why === undefined) groups.push({ stage, outer, inner: instruction, variations: items });
    else refused.push(...items.map((variation) => ({ variation, why: why ?? '' })));
  }

  const fixes = new Map(groups.map((group) => [group, groupEdits(dockerfile, group, platforms)]));
  const splits = splitStages(dockerfile, fixes);
  const uses: ArgUse[] = [];
  for (const [group, fix] of fixes) {
    if (fix === 'select') continue;
    if ('why' in fix) {
      refused.push(...fix.why);
      continue;
    }
    const use = { stage: group.stage, instruction: group.outer, args: fix.args };
    if (use.args.length > 0 && !canDeclare(dockerfile, use)) {
      const why = `the stage gives ${use.args.join(' or ')} another value`;
      refused.push(...group.variations.map((variation) => ({ variation, why })));
      continue;
    }
    if (use.args.length > 0) uses.push(use);
    edits.push(...fix.edits);
  }
  edits.push(...declareArgs(dockerfile, uses), ...selectStages(dockerfile, splits, platforms));
  return { edits, refused };
}

function outOfReach(dockerfile: Dockerfile, stage: Stage): string | undefined {
  if (isLeftOut(stage)) return 'the stage is for one platform';
  return isBaseKnown(dockerfile, stage) ? undefined : 'the base of the stage is not known';
}

/** Edits of one instruction, or what stands in their way; `select` when it needs a stage for each platform. */
type GroupFix =
  | { readonly why: readonly Refusal[] }
  | 'select'
  | { readonly edits: readonly TextEdit[]; readonly args: readonly string[] };

/** Plans where stages are split; what stands in a part that each platform has needs no other fix. */
function splitStages(dockerfile: Dockerfile, fixes: Map<Group, GroupFix>): readonly StageSplit[] {
  const byStage = new Map<Stage, Group[]>();
  for (const [group, fix] of fixes) {
    if (fix !== 'select') continue;
    const why = group.variations.flatMap((variation): readonly Refusal[] => {
      const reason = splitRefusal(dockerfile, group.stage, variation);
      return reason === undefined ? [] : [{ variation, why: reason }];
    });
    if (why.length > 0) fixes.set(group, { why });
    else byStage.set(group.stage, [...(byStage.get(group.stage) ?? []), group]);
  }
  return [...byStage].map(([stage, members]): StageSplit => {
    const runs = splitRuns(
      stage,
      members.map(({ outer }) => placesIn(stage).get(outer) ?? 0),
    );
    const inRuns = [...fixes.keys()].filter((group) => {
      const at = placesIn(stage).get(group.outer) ?? -1;
      return group.stage === stage && runs.some(({ start, end }) => start <= at && at < end);
    });
    for (const group of inRuns) fixes.set(group, 'select');
    return { stage, runs, variations: inRuns.flatMap(({ variations }) => variations) };
  });
}

function groupEdits(dockerfile: Dockerfile, group: Group, platforms: readonly Platform[]): GroupFix {
  const { stage, outer, inner, variations } = group;
  if (inner.keyword === 'RUN') {
    const why = refusedInRun(dockerfile, stage, inner, variations);
    const isShort = inner.endLine - inner.startLine < mostRepeated;
    if (why.length > 0) return isShort && outer === inner ? 'select' : { why };
    return runCase(dockerfile, stage, inner, variations, platforms, namesOf(dockerfile, stage));
  }
  const automatic = variations.map((variation) =>
    isExpanded(variation) ? automaticText(variation, choicesFor([variation], platforms)) : undefined,
  );
  if (automatic.every((item) => item !== undefined)) {
    return {
      edits: variations.flatMap(({ site }, index) => replaceSite(site, automatic[index]?.text ?? '')),
      args: [...new Set(automatic.flatMap((item) => item?.args ?? []))],
    };
  }
  if (outer !== inner) {
    return {
      why: variations.map((variation) => ({ variation, why: 'ONBUILD cannot choose between stages' })),
    };
  }
  return 'select';
}

/** Tells whether BuildKit expands a variable there: not in flags, and in a heredoc whatever its quotes. */
function isExpanded({ site }: Variation): boolean {
  const { instruction, quoting, pieces } = site;
  if (!expanding.has(instruction.keyword) || instruction.json) return false;
  const start = pieces[0]?.start ?? 0;
  const heredoc = instruction.heredocs.find(({ range }) => range.start <= start && start < range.end);
  if (heredoc) return heredoc.expand;
  return (quoting === 'none' || quoting === 'double') && instruction.argumentsRange.start <= start;
}

/** ARGs above the first FROM know the automatic ones without a declaration; there is nothing else to choose with. */
function globalEdits(variations: readonly Variation[], platforms: readonly Platform[]): PortableFix {
  const refused: Refusal[] = [];
  const edits = variations.flatMap((variation) => {
    const automatic = isExpanded(variation)
      ? automaticText(variation, choicesFor([variation], platforms))
      : undefined;
    if (!automatic) {
      refused.push({ variation, why: 'an ARG above the first FROM cannot choose between texts' });
      return [];
    }
    return replaceSite(variation.site, automatic.text);
  });
  return refused.length > 0
    ? { edits: [], refused: variations.map((variation) => ({ variation, why: refused[0]?.why ?? '' })) }
    : { edits, refused };
}

function byInstruction(variations: readonly Variation[]): ReadonlyMap<Instruction, readonly Variation[]> {
  const groups = new Map<Instruction, Variation[]>();
  for (const variation of variations) {
    const { instruction } = variation.site;
    const group = groups.get(instruction);
    if (group) group.push(variation);
    else groups.set(instruction, [variation]);
  }
  return groups;
}

const names = new Attached<Stage, ReadonlySet<string>>();

/** The names that ARG and ENV of a stage, and of those below it, give to something. */
function namesOf(dockerfile: Dockerfile, stage: Stage): ReadonlySet<string> {
  const known = names.get(stage);
  if (known) return known;
  const own = stage.instructions.flatMap((instruction) => {
    if (instruction.keyword === 'ARG') return argDefinitions(instruction).map(({ name }) => name);
    if (instruction.keyword !== 'ENV') return [];
    return instruction.words.filter((_, index) => index % 2 === 0).map(({ raw }) => raw);
  });
  const base = baseOf(dockerfile, stage);
  const found = new Set([...own, ...(base ? namesOf(dockerfile, base) : [])]);
  names.set(stage, found);
  return found;
}
