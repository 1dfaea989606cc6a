import type { Platform } from '@mabuild/oci';
import { renumberStages } from '../dockerfile/alias-stage.ts';
import type { Dockerfile, Instruction, Stage, TextEdit } from '../dockerfile/model.ts';
import { readMount } from '../dockerfile/mounts.ts';
import { branchesOf } from './branches.ts';
import { type ArgUse, declareArgs } from './declare-args.ts';
import { runCase } from './run-case.ts';
import { selectStages } from './stage-selection.ts';
import { platformKey, type Variation } from './variation.ts';

export interface PortableEdits {
  readonly edits: readonly TextEdit[];
  /** What no one file can say. */
  readonly refused: readonly Variation[];
}

/** Instructions in which BuildKit expands the variables of the stage. */
const expanding: ReadonlySet<string> = new Set(
  'ENV ARG ADD COPY LABEL WORKDIR USER VOLUME STOPSIGNAL'.split(' '),
);

/**
 * Edits that let one file serve every platform; what amd64 gets stays exactly as it was.
 *
 * A RUN gets a `case`, other instructions `${TARGETARCH}` where that says it, or a stage for each platform.
 */
export function portableEdits(
  dockerfile: Dockerfile,
  variations: readonly Variation[],
  platforms: readonly Platform[],
): PortableEdits {
  const edits: TextEdit[] = [];
  const refused: Variation[] = [];
  const uses: ArgUse[] = [];
  const left = new Map<Stage, Variation[]>();
  for (const [instruction, own] of byInstruction(variations)) {
    const { stage } = (own[0] as Variation).site;
    if (own.some(({ site }) => site.shell) && stage) {
      const result = runCase(dockerfile, instruction, own, platforms);
      edits.push(...result.edits);
      refused.push(...result.refused);
      if (result.args.length > 0) uses.push({ stage, instruction, args: result.args });
      continue;
    }
    for (const variation of own) {
      const reference = targetReference(variation, platforms);
      if (reference) {
        edits.push(
          ...variation.site.pieces.map((piece, index) => ({
            ...piece,
            newText: index === 0 ? reference.text : '',
          })),
        );
        if (stage) uses.push({ stage, instruction, args: reference.args });
      } else if (stage) {
        left.set(stage, [...(left.get(stage) ?? []), variation]);
      } else refused.push(variation);
    }
  }
  const shifts: { readonly from: number; readonly by: number }[] = [];
  for (const [stage, own] of left) {
    if (hasNumberedMount(dockerfile)) {
      refused.push(...own);
      continue;
    }
    const selection = selectStages(dockerfile, stage, own, platforms);
    edits.push(...selection.edits);
    refused.push(...selection.refused);
    if (selection.added > 0) shifts.push({ from: stage.index, by: selection.added });
  }
  if (shifts.length > 0) {
    const moved = (index: number): number =>
      shifts.reduce((sum, { from, by }) => sum + (index >= from ? by : 0), index);
    edits.push(...renumberStages(dockerfile, moved));
  }
  return { edits: [...declareArgs(dockerfile, uses), ...edits], refused };
}

function byInstruction(variations: readonly Variation[]): ReadonlyMap<Instruction, readonly Variation[]> {
  const groups = new Map<Instruction, Variation[]>();
  const seen = new Set<string>();
  for (const variation of variations) {
    const { instruction, pieces } = variation.site;
    const key = JSON.stringify(pieces);
    if (seen.has(key)) continue;
    seen.add(key);
    groups.set(instruction, [...(groups.get(instruction) ?? []), variation]);
  }
  return groups;
}

/** `${TARGETARCH}`, with the variant or without, where that is what every platform has to read. */
function targetReference(
  variation: Variation,
  platforms: readonly Platform[],
): { readonly text: string; readonly args: readonly string[] } | undefined {
  const { site, text } = variation;
  const quotes = site.quoting === 'none' || site.quoting === 'double';
  if (text !== 'amd64' || !quotes || !expanding.has(site.instruction.keyword)) return undefined;
  const branches = branchesOf([variation], platforms);
  const all = platforms.every((platform) =>
    branches.some((branch) => branch.platform === platformKey(platform)),
  );
  if (branches.length === 0 || !all) return undefined;
  const wanted = branches.filter(({ platform }) =>
    platforms.some((asked) => platformKey(asked) === platform),
  );
  if (wanted.every(({ platform, name }) => variation.texts[platform] === name.replace(/v\d+$/, '')))
    return { text: '${TARGETARCH}', args: ['TARGETARCH'] };
  if (wanted.every(({ platform, name }) => variation.texts[platform] === name))
    return { text: '${TARGETARCH}${TARGETVARIANT}', args: ['TARGETARCH', 'TARGETVARIANT'] };
  return undefined;
}

function hasNumberedMount({ instructions }: Dockerfile): boolean {
  return instructions.some(({ flags }) =>
    flags.some(
      (flag) =>
        flag.name === 'mount' &&
        readMount(flag).some(({ key, value }) => key === 'from' && /^\d+$/.test(value ?? '')),
    ),
  );
}
