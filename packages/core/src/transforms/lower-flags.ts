import { MabuildError } from '@mabuild/oci';
import { type BuildTarget, scopeOf } from '../dockerfile/image-uses.ts';
import { locate } from '../dockerfile/location.ts';
import type { Dockerfile, Flag, Instruction } from '../dockerfile/model.ts';
import { stageGraph } from '../dockerfile/stage-graph.ts';
import type { Builder, BuilderCapabilities } from '../engines/engine.ts';
import type { Change } from './draft.ts';

export interface LowerFlagsOptions extends BuildTarget {
  readonly builder: Builder;
  readonly capabilities: BuilderCapabilities;
}

/** Flags that mean the same when they are not there. */
const droppable: Readonly<Record<string, (flag: Flag) => boolean>> = {
  link: () => true,
  network: ({ value }) => value === 'default',
  security: ({ value }) => value === 'sandbox',
};

/**
 * Drops flags that the builder does not know and that change nothing but speed.
 *
 * @throws MabuildError `NEEDS_BUILDKIT` for one that the build needs, with its line.
 */
export function lowerFlags(dockerfile: Dockerfile, options: LowerFlagsOptions): Change {
  const stages = stageGraph(dockerfile, options.target, scopeOf(options));
  return {
    edits: stages.flatMap((stage) =>
      stage.instructions.flatMap((instruction) => {
        const { keyword, flags } = instruction.onbuild ?? instruction;
        return flags.flatMap((flag, index) => {
          if (knows(keyword, flag, options)) return [];
          if (!droppable[flag.name]?.(flag))
            throw needsBuildKit(dockerfile, instruction, keyword, flag, options.builder);
          const end =
            flags[index + 1]?.range.start ?? (instruction.onbuild ?? instruction).argumentsRange.start;
          const gap = dockerfile.text.slice(flag.range.end, end);
          return [{ start: flag.range.start, end: /^[ \t]*$/.test(gap) ? end : flag.range.end, newText: '' }];
        });
      }),
    ),
  };
}

function knows(keyword: string, flag: Flag, { builder, capabilities }: LowerFlagsOptions): boolean {
  const { name } = flag;
  if (keyword === 'COPY' || keyword === 'ADD') {
    if (name === 'chown' || name === 'from') return true;
    if (name === 'chmod') return builder === 'buildkit';
    if (name === 'link') return builder === 'buildkit' && capabilities.link;
    return builder === 'buildkit' && capabilities.heredoc;
  }
  if (keyword === 'RUN') {
    if (name === 'mount') return builder === 'buildkit';
    if (name === 'network' || name === 'security') return builder === 'buildkit' && capabilities.runNetwork;
    return builder === 'buildkit';
  }
  return true;
}

function needsBuildKit(
  dockerfile: Dockerfile,
  instruction: Instruction,
  keyword: string,
  flag: Flag,
  builder: Builder,
): MabuildError {
  const which = builder === 'classic' ? 'the classic builder' : "this engine's BuildKit";
  return new MabuildError(`${keyword} --${flag.name} is unknown to ${which}`, {
    code: 'NEEDS_BUILDKIT',
    hint:
      builder === 'classic'
        ? flag.name === 'chmod'
          ? 'build with --engine buildkit, or RUN chmod after the copy'
          : 'build with --engine buildkit'
        : 'build with Docker 23 or newer',
    location: locate(dockerfile, flag.range.end > flag.range.start ? flag.range : instruction.range),
  });
}
