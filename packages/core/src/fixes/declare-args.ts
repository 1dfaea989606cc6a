import { Attached } from '../attached.ts';
import { resolveBase } from '../dockerfile/base.ts';
import { lineAbove } from '../dockerfile/line-above.ts';
import type { Dockerfile, Instruction, Stage, TextEdit } from '../dockerfile/model.ts';
import { platformArgs } from '../dockerfile/platform-args.ts';
import { argDefinitions } from '../dockerfile/scope.ts';

/** An instruction of a stage that reads automatic ARGs; with ONBUILD the instruction that carries it. */
export interface ArgUse {
  readonly stage: Stage;
  readonly instruction: Instruction;
  readonly args: readonly string[];
}

/** What an ARG or ENV says of an automatic ARG: `bare` declares it, a default or ENV gives it another value. */
interface Mention {
  readonly name: string;
  readonly at: number;
  readonly isBare: boolean;
}

const amd64 = { os: 'linux', architecture: 'amd64' };
const automatic = platformArgs(amd64, amd64);
const mentions = new Attached<Stage, readonly Mention[]>();
const bases = new Attached<Stage, { readonly base: Stage | undefined }>();

/** Tells whether an automatic ARG can be read at a place, once it is declared: no default and no ENV hides it. */
export function canDeclare(dockerfile: Dockerfile, { stage, instruction, args }: ArgUse): boolean {
  const isHidden = dockerfile.globalArgs.some((item) =>
    argDefinitions(item).some(({ name, value }) => value !== undefined && args.includes(name)),
  );
  if (isHidden) return false;
  try {
    return args.every((name) => lastMention(dockerfile, stage, name, instruction)?.isBare ?? true);
  } catch {
    // Nobody knows what a base has that cannot be read.
    return false;
  }
}

/** Declares automatic ARGs above the first instruction that reads them, in each stage that does not have them yet. */
export function declareArgs(dockerfile: Dockerfile, uses: readonly ArgUse[]): readonly TextEdit[] {
  const ordered = [...uses].sort((a, b) => a.instruction.range.start - b.instruction.range.start);
  const added = new Map<Stage, Set<string>>();
  const edits: TextEdit[] = [];
  for (const { stage, instruction, args } of ordered) {
    const prefix = instruction.keyword === 'ONBUILD' ? 'ONBUILD ' : '';
    const own = added.get(stage) ?? new Set<string>();
    added.set(stage, own);
    for (const name of args) {
      const known = prefix + name;
      if (own.has(known) || isKnown(dockerfile, stage, instruction, known, added)) continue;
      own.add(known);
      edits.push(lineAbove(dockerfile, instruction, cased(dockerfile, instruction, `${prefix}ARG`, name)));
    }
  }
  return edits;
}

/** ARG in the case that the file writes keywords in. */
function cased(dockerfile: Dockerfile, { keywordRange }: Instruction, keyword: string, name: string): string {
  const written = dockerfile.text.slice(keywordRange.start, keywordRange.end);
  return `${written === written.toLowerCase() ? keyword.toLowerCase() : keyword} ${name}`;
}

/** Tells whether a stage has a declaration at a place: by the file, or by what is added to the stages below. */
function isKnown(
  dockerfile: Dockerfile,
  stage: Stage,
  until: Instruction,
  name: string,
  added: ReadonlyMap<Stage, ReadonlySet<string>>,
): boolean {
  if (lastMention(dockerfile, stage, name, until)) return true;
  if (name.startsWith('ONBUILD ')) return false;
  for (let base = baseOf(dockerfile, stage); base; base = baseOf(dockerfile, base)) {
    if (added.get(base)?.has(name)) return true;
  }
  return false;
}

/** The last word on a name before a place, in the stage or in those below; with `ONBUILD ` in front, in its triggers. */
function lastMention(
  dockerfile: Dockerfile,
  stage: Stage,
  name: string,
  until: Instruction | undefined,
): Mention | undefined {
  const limit = until?.range.start ?? Number.POSITIVE_INFINITY;
  const own = mentionsIn(stage).findLast((mention) => mention.name === name && mention.at < limit);
  if (own || name.startsWith('ONBUILD ')) return own;
  const base = baseOf(dockerfile, stage);
  return base && lastMention(dockerfile, base, name, undefined);
}

function mentionsIn(stage: Stage): readonly Mention[] {
  const known = mentions.get(stage);
  if (known) return known;
  const found = stage.instructions.flatMap((instruction): readonly Mention[] => {
    const own = instruction.onbuild ?? instruction;
    if (own.keyword !== 'ARG' && own.keyword !== 'ENV') return [];
    if (!own.logical.text.includes('TARGET')) return [];
    const prefix = instruction.onbuild ? 'ONBUILD ' : '';
    const at = instruction.range.start;
    if (own.keyword === 'ARG') {
      return argDefinitions(own).map(({ name, value }) => ({
        name: prefix + name,
        at,
        isBare: value === undefined,
      }));
    }
    return own.words
      .filter((_, index) => index % 2 === 0)
      .map(({ raw }) => ({ name: prefix + raw, at, isBare: false }));
  });
  mentions.set(stage, found);
  return found;
}

/** Tells whether the file says what a stage is FROM, down to the image. */
export function isBaseKnown(dockerfile: Dockerfile, stage: Stage): boolean {
  try {
    const base = baseOf(dockerfile, stage);
    return base === undefined || isBaseKnown(dockerfile, base);
  } catch {
    return false;
  }
}

/** The stage of the file that a stage is FROM; amd64's where the platform chooses it. @throws MabuildError as resolveBase does. */
export function baseOf(dockerfile: Dockerfile, stage: Stage): Stage | undefined {
  const known = bases.get(stage);
  if (known) return known.base;
  const base = resolveBase(dockerfile, stage, { platformArgs: automatic });
  const found = base.kind === 'stage' ? base.stage : undefined;
  bases.set(stage, { base: found });
  return found;
}
