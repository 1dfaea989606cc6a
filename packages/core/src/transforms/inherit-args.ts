import { resolveBase } from '../dockerfile/base.ts';
import { type BuildTarget, scopeOf } from '../dockerfile/image-uses.ts';
import type { Dockerfile, Stage, TextEdit } from '../dockerfile/model.ts';
import { argDefinitions, scopeAt, type Variable } from '../dockerfile/scope.ts';
import { stageGraph } from '../dockerfile/stage-graph.ts';
import type { Change } from './draft.ts';

/**
 * Declares what a stage has from the stage that it is FROM, for the classic builder, where ARGs end with their stage.
 */
export function inheritArgs(dockerfile: Dockerfile, build: BuildTarget): Change {
  const stages = stageGraph(dockerfile, build.target, scopeOf(build));
  return { edits: stages.flatMap((stage) => inherited(dockerfile, stage, build)) };
}

function inherited(dockerfile: Dockerfile, stage: Stage, build: BuildTarget): readonly TextEdit[] {
  const base = resolveBase(dockerfile, stage, scopeOf(build));
  if (base.kind !== 'stage' || !declaresArgs(dockerfile, base.stage, build)) return [];
  const lines = [...scopeAt(dockerfile, base.stage, undefined, scopeOf(build)).values()].flatMap(
    (variable) =>
      variable.from === 'env' ? [] : [`${dockerfile.newline}ARG ${declaration(variable, dockerfile.escape)}`],
  );
  const at = stage.from.range.end;
  return lines.length === 0 ? [] : [{ start: at, end: at, newText: lines.join('') }];
}

function declaresArgs(dockerfile: Dockerfile, stage: Stage, build: BuildTarget): boolean {
  if (stage.instructions.some((item) => item.keyword === 'ARG' && argDefinitions(item).length > 0))
    return true;
  const base = resolveBase(dockerfile, stage, scopeOf(build));
  return base.kind === 'stage' && declaresArgs(dockerfile, base.stage, build);
}

/** What comes from outside comes again. */
function declaration({ name, value, from }: Variable, escaping: string): string {
  if (from !== 'default') return name;
  const quoted = [...value].map((character) =>
    '"$'.includes(character) || character === escaping ? escaping + character : character,
  );
  return `${name}="${quoted.join('')}"`;
}
