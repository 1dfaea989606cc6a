import { Attached } from '../attached.ts';
import { resolveBase } from '../dockerfile/base.ts';
import type { Dockerfile, Instruction, Stage } from '../dockerfile/model.ts';
import type { Variation } from './variation.ts';

/** Adjacent instructions of one stage, by their places in it; `end` exclusive. */
export interface Run {
  readonly start: number;
  readonly end: number;
}

const places = new Attached<Stage, ReadonlyMap<Instruction, number>>();
const tied = new Attached<Stage, readonly Run[]>();

/** Where the instructions of a stage stand in it; what ONBUILD carries stands where the ONBUILD does. */
export function placesIn(stage: Stage): ReadonlyMap<Instruction, number> {
  const known = places.get(stage);
  if (known) return known;
  const found = new Map<Instruction, number>();
  for (const [index, instruction] of stage.instructions.entries()) {
    found.set(instruction, index);
    if (instruction.onbuild) found.set(instruction.onbuild, index);
  }
  places.set(stage, found);
  return found;
}

/** The runs that instructions make, where a stage can be split without changing what it builds. */
export function splitRuns(stage: Stage, starts: readonly number[]): readonly Run[] {
  let runs = joined([...starts.map((start) => ({ start, end: start + 1 })), ...smallGaps(stage, starts)]);
  for (;;) {
    const torn = tiedRuns(stage).filter(({ start, end }) =>
      runs.some((run) => [run.start, run.end].some((at) => start < at && at < end)),
    );
    if (torn.length === 0) return runs;
    runs = joined([...runs, ...torn]);
  }
}

/** Instructions that only say something of the image. */
const light: ReadonlySet<string> = new Set([
  ...['ARG', 'CMD', 'ENTRYPOINT', 'ENV', 'EXPOSE', 'HEALTHCHECK', 'LABEL', 'MAINTAINER', 'SHELL'],
  ...['STOPSIGNAL', 'USER', 'VOLUME', 'WORKDIR'],
]);
const mostBetween = 3;

/** A few light lines are better said once for each platform than with four more stages. */
function smallGaps({ instructions }: Stage, starts: readonly number[]): readonly Run[] {
  const sorted = [...starts].sort((a, b) => a - b);
  return sorted.flatMap((end, index) => {
    const start = (sorted[index - 1] ?? end) + 1;
    const between = instructions.slice(start, end);
    const lines = between.reduce((sum, { startLine, endLine }) => sum + endLine - startLine + 1, 0);
    const isSmall = lines <= mostBetween && between.every(({ keyword }) => light.has(keyword));
    return start < end && isSmall ? [{ start, end }] : [];
  });
}

/** ENTRYPOINT clears the CMD of an earlier stage, but not that of its own: from the one to the other is one part. */
function tiedRuns(stage: Stage): readonly Run[] {
  const known = tied.get(stage);
  if (known) return known;
  const found = stage.instructions.flatMap(({ keyword }, end): readonly Run[] => {
    if (keyword !== 'ENTRYPOINT') return [];
    const start = stage.instructions.slice(0, end).findLastIndex((item) => item.keyword === 'CMD');
    return start < 0 ? [] : [{ start, end: end + 1 }];
  });
  tied.set(stage, found);
  return found;
}

function joined(runs: readonly Run[]): readonly Run[] {
  const result: Run[] = [];
  for (const run of [...runs].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last && run.start <= last.end) {
      result[result.length - 1] = { start: last.start, end: Math.max(last.end, run.end) };
    } else {
      result.push(run);
    }
  }
  return result;
}

/** Says why a stage cannot be split for a variation; `undefined` when it can. */
export function splitRefusal(dockerfile: Dockerfile, stage: Stage, variation: Variation): string | undefined {
  if (hasOnbuild(dockerfile, stage)) return 'ONBUILD would run again in each part of the stage';
  const { site, text, texts } = variation;
  const others = Object.values(texts).filter((other) => other !== text);
  const isPlain = others.every((other) => {
    if (/[\r\n]/.test(other)) return false;
    if (site.quoting === 'json') return other !== '' && !/["\\]/.test(other);
    if (site.quoting === 'single') return !other.includes("'");
    if (site.quoting === 'double') return !/["$`\\]/.test(other);
    return site.quoting === 'literal' || /^[\w@%+=:,./~ -]*$/.test(other);
  });
  if (!isPlain) return 'the text would need quotes';
  return undefined;
}

function hasOnbuild(dockerfile: Dockerfile, stage: Stage): boolean {
  if (stage.instructions.some(({ onbuild }) => onbuild)) return true;
  try {
    const base = resolveBase(dockerfile, stage);
    return base.kind === 'stage' && hasOnbuild(dockerfile, base.stage);
  } catch {
    return true;
  }
}
