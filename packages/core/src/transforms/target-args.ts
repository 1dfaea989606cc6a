import { formatPlatform } from '@mabuild/oci';
import { resolveBase } from '../dockerfile/base.ts';
import { type BuildTarget, imageUses, scopeOf } from '../dockerfile/image-uses.ts';
import type { Dockerfile, Instruction, Stage, TextEdit } from '../dockerfile/model.ts';
import { argDefinitions, expandIn, globalScope } from '../dockerfile/scope.ts';
import { stageGraph } from '../dockerfile/stage-graph.ts';
import type { Change } from './draft.ts';

/**
 * Writes what BuildKit would know of itself into the file, for the classic builder, which knows no TARGETARCH.
 *
 * A declared `ARG TARGETARCH` without a default gets its value as default, so one that has a default keeps hiding it as
 * with BuildKit; FROM gets its words expanded and its `--platform` as a constant.
 */
export function targetArgs(dockerfile: Dockerfile, build: BuildTarget): Change {
  const stages = stageGraph(dockerfile, build.target, scopeOf(build));
  const automatic = scopeOf(build).platformArgs ?? {};
  const instructions = [...dockerfile.globalArgs, ...stages.flatMap((stage) => stage.instructions)];
  return {
    edits: [
      ...instructions.flatMap((instruction) => defaults(instruction, automatic)),
      ...stages.flatMap((stage) => fromWords(dockerfile, stage, build)),
      ...imageUses(dockerfile, build).flatMap(({ kind, flag, platform }) =>
        kind === 'from' && flag?.valueRange && flag.value?.includes('$')
          ? [{ ...flag.valueRange, newText: formatPlatform(platform) }]
          : [],
      ),
    ],
  };
}

/**
 * Gives automatic arguments above the first FROM their values: to BuildKit 0.8 a bare `ARG TARGETARCH` there means an
 * empty one, to its successors the automatic one.
 */
export function globalTargetArgs(dockerfile: Dockerfile, build: BuildTarget): Change {
  const automatic = scopeOf(build).platformArgs ?? {};
  return { edits: dockerfile.globalArgs.flatMap((instruction) => defaults(instruction, automatic)) };
}

function defaults(
  instruction: Instruction,
  automatic: Readonly<Record<string, string>>,
): readonly TextEdit[] {
  if (instruction.keyword !== 'ARG') return [];
  return argDefinitions(instruction).flatMap(({ name, value }, index) => {
    const word = instruction.words[index];
    if (value !== undefined || word === undefined || !Object.hasOwn(automatic, name)) return [];
    return [{ start: word.range.end, end: word.range.end, newText: `=${automatic[name]}` }];
  });
}

/** The classic builder expands FROM with the ARGs above it only. */
function fromWords(dockerfile: Dockerfile, stage: Stage, build: BuildTarget): readonly TextEdit[] {
  const { base } = stage;
  const edits: TextEdit[] = [];
  if (base.raw.includes('$')) {
    const { text } = expandIn(dockerfile, base, globalScope(dockerfile, scopeOf(build))).expansion;
    edits.push(...base.pieces.map((piece, index) => ({ ...piece, newText: index === 0 ? text : '' })));
  }
  const { platform } = stage;
  if (platform && resolveBase(dockerfile, stage, scopeOf(build)).kind !== 'image') {
    // A stage that stands on a stage has that one's platform, and scratch has the target's.
    edits.push({ start: platform.range.start, end: base.range.start, newText: '' });
  }
  return edits;
}
