import { renumberStages } from '../dockerfile/alias-stage.ts';
import { type BuildTarget, scopeOf } from '../dockerfile/image-uses.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { stageGraph } from '../dockerfile/stage-graph.ts';
import type { Change } from './draft.ts';

/**
 * Empties the stages that the target does not need, for a builder that would build them all.
 *
 * Lines stay where they are; numbers in `COPY --from=` follow. The target becomes the last stage.
 */
export function pruneStages(dockerfile: Dockerfile, build: BuildTarget): Change {
  const { stages, text } = dockerfile;
  const needed = stageGraph(dockerfile, build.target, scopeOf(build));
  const dropped = stages.filter((stage) => !needed.includes(stage));
  const inDropped = (offset: number): boolean =>
    dropped.some((stage) => offset >= stage.from.range.start && offset < stageEnd(dockerfile, stage.index));
  return {
    edits: [
      ...dropped.map((stage) => {
        const start = stage.from.range.start;
        const end = stageEnd(dockerfile, stage.index);
        return { start, end, newText: text.slice(start, end).replace(/[^\n]/g, '') };
      }),
      ...renumberStages(dockerfile, (index) => {
        const found = needed.findIndex((stage) => stage.index === index);
        return found < 0 ? index : found;
      }).filter((edit) => !inDropped(edit.start)),
    ],
  };
}

function stageEnd({ stages, text }: Dockerfile, index: number): number {
  return stages[index + 1]?.from.range.start ?? text.length;
}
