import type { Platform } from '@mabuild/oci';
import { applyEdits } from '../dockerfile/edit.ts';
import { lineAbove } from '../dockerfile/line-above.ts';
import type { Dockerfile, Instruction, Stage, TextEdit } from '../dockerfile/model.ts';
import { amd64Branch, argsFor, type Branch, branchesOf, textFor } from './branches.ts';
import { replaceSite } from './per-arch.ts';
import type { Variation } from './variation.ts';

/** A stage cut into parts, one of which is chosen by the platform. */
export interface StageSelection {
  readonly edits: readonly TextEdit[];
  /** How many stages came in. */
  readonly added: number;
  readonly refused: readonly Variation[];
}

/** Adjacent instructions that differ between platforms. */
interface Group {
  readonly instructions: readonly Instruction[];
  readonly variations: readonly Variation[];
}

/**
 * Cuts a stage where instructions differ that know no `case`: what comes before is a stage, each platform has one with
 * its own texts on top, and the rest goes on from `FROM app-${TARGETARCH}`.
 */
export function selectStages(
  dockerfile: Dockerfile,
  stage: Stage,
  variations: readonly Variation[],
  platforms: readonly Platform[],
): StageSelection {
  const writable = variations.filter((variation) => canSelect(stage, variation));
  const groups = groupsOf(stage, writable).map((group) => ({
    ...group,
    branches: branchesOf(group.variations, platforms),
  }));
  const chosen = groups.filter(({ branches }) => branches.length > 0);
  const written = new Set(chosen.flatMap((group) => group.variations));
  const refused = variations.filter((variation) => !written.has(variation));
  if (chosen.length === 0) return { edits: [], added: 0, refused };
  const names = new Names(dockerfile, stage);
  const edits: TextEdit[] = [];
  let added = 0;
  let base = names.next('base');
  edits.push(nameStage(stage, base));
  chosen.forEach((group, index) => {
    const last = index === chosen.length - 1;
    const next = last ? stage.name : names.next('base');
    edits.push(...cut(dockerfile, group, { base, next, prefix: names.prefix(index) }));
    added += group.branches.length + 2;
    base = next ?? base;
  });
  return { edits, added, refused };
}

function canSelect(stage: Stage, { site }: Variation): boolean {
  const { instruction } = site;
  if (!stage.instructions.includes(instruction) || instruction.keyword === 'RUN') return false;
  // Numbers of stages in mounts are not followed.
  return site.quoting !== 'literal' && instruction.heredocs.length === 0;
}

function groupsOf(stage: Stage, variations: readonly Variation[]): readonly Group[] {
  const groups: { instructions: Instruction[]; variations: Variation[] }[] = [];
  let previous = -2;
  stage.instructions.forEach((instruction, index) => {
    const own = variations.filter(({ site }) => site.instruction === instruction);
    if (own.length === 0) return;
    const last = groups.at(-1);
    if (last && previous === index - 1) {
      last.instructions.push(instruction);
      last.variations.push(...own);
    } else groups.push({ instructions: [instruction], variations: own });
    previous = index;
  });
  return groups;
}

function cut(
  dockerfile: Dockerfile,
  { instructions, variations, branches }: Group & { readonly branches: readonly Branch[] },
  names: { readonly base: string; readonly next: string | undefined; readonly prefix: string },
): readonly TextEdit[] {
  const { newline, text } = dockerfile;
  const first = instructions[0] as Instruction;
  const end = (instructions.at(-1) as Instruction).range.end;
  const from = (branch: Branch): string => `FROM ${names.base} AS ${names.prefix}-${branch.name}`;
  const start = text.lastIndexOf('\n', first.range.start - 1) + 1;
  const others = branches.map((branch) => {
    const edits = variations.flatMap((variation) =>
      replaceSite(dockerfile, variation, textFor(variation, branch)),
    );
    const moved = edits.map((edit) => ({ ...edit, start: edit.start - start, end: edit.end - start }));
    return `${from(branch)}${newline}${applyEdits(text.slice(start, end), moved)}`;
  });
  const subject = argsFor(branches)
    .map((name) => `\${${name}}`)
    .join('');
  const select = `FROM ${names.prefix}-${subject}${names.next === undefined ? '' : ` AS ${names.next}`}`;
  return [
    lineAbove(dockerfile, first, from(amd64Branch)),
    { start: end, end, newText: [newline + others.join(newline), select].join(newline) },
  ];
}

/** Names for the parts of a stage that no other stage has. */
class Names {
  private readonly taken: Set<string>;
  private readonly stem: string;
  private count = 0;

  constructor(dockerfile: Dockerfile, stage: Stage) {
    this.taken = new Set(dockerfile.stages.flatMap(({ name }) => name ?? []));
    const own = stage.name ?? (stage.index === dockerfile.stages.length - 1 ? 'app' : `stage${stage.index}`);
    let stem = own;
    for (let count = 2; this.clashes(stem); count += 1) stem = `${own}${count}`;
    this.stem = stem;
  }

  next(part: string): string {
    this.count += 1;
    return `${this.stem}-${part}${this.count === 1 ? '' : this.count}`;
  }

  prefix(index: number): string {
    return index === 0 ? this.stem : `${this.stem}${index + 1}`;
  }

  private clashes(stem: string): boolean {
    return [...this.taken].some((name) => name.startsWith(`${stem}-`));
  }
}

function nameStage(stage: Stage, name: string): TextEdit {
  const [, as, own] = stage.from.words;
  if (as && own) return { ...own.range, newText: name };
  const { end } = stage.base.range;
  return { start: end, end, newText: ` AS ${name}` };
}
