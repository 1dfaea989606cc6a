import { formatPlatform, type Platform } from '@mabuild/oci';
import { Attached } from '../attached.ts';
import { officialNamespace } from '../knowledge/namespaces.ts';
import type { ImageUse } from './image-uses.ts';
import type { Dockerfile, Range, Stage, TextEdit } from './model.ts';
import { renameImage } from './rename-image.ts';

/** An image that an instruction takes files from, and what it shall be. */
export interface AliasedUse {
  readonly use: ImageUse;
  readonly name: string;
  readonly platform: Platform;
}

/**
 * Gives images that COPY or RUN name a stage of their own, because `--from` takes no platform.
 *
 * The stages come first in the file; numbers of stages move up with them.
 */
export function aliasStages(dockerfile: Dockerfile, uses: readonly AliasedUse[]): readonly TextEdit[] {
  const first = dockerfile.stages[0];
  if (uses.length === 0 || !first) return [];
  const taken = new Set(dockerfile.stages.flatMap((stage) => stage.name ?? []));
  const aliases = new Map<string, string>();
  for (const { name, platform } of uses) {
    const from = `FROM --platform=${formatPlatform(platform)} ${name}`;
    if (!aliases.has(from)) aliases.set(from, freeName(name, platform, taken));
  }
  const lines = [...aliases].map(([from, alias]) => `${from} AS ${alias}${dockerfile.newline}`);
  const at = lineStartAbove(dockerfile, first);
  return [
    { start: at, end: at, newText: lines.join('') },
    ...uses.flatMap(({ use, name, platform }) => {
      const alias = aliases.get(`FROM --platform=${formatPlatform(platform)} ${name}`) as string;
      return renameImage(dockerfile, use, alias, { throughArgs: false });
    }),
    ...renumberStages(dockerfile, (index) => index + aliases.size),
  ];
}

/** Edits that keep `COPY --from=NUMBER` pointing at the same stage. */
export function renumberStages(
  dockerfile: Dockerfile,
  newIndex: (index: number) => number,
): readonly TextEdit[] {
  const places = new Map<number, number>();
  return numbers(dockerfile).flatMap(({ index, range }) => {
    const moved = places.get(index) ?? newIndex(index);
    places.set(index, moved);
    return moved === index ? [] : [{ ...range, newText: String(moved) }];
  });
}

interface StageNumber {
  readonly index: number;
  readonly range: Range;
}

const known = new Attached<Dockerfile, readonly StageNumber[]>();

/** The numbers of stages that a file copies from, found once: it may be asked for each place that is split. */
function numbers(dockerfile: Dockerfile): readonly StageNumber[] {
  const found =
    known.get(dockerfile) ??
    dockerfile.stages.flatMap((stage) =>
      stage.instructions.flatMap((instruction) =>
        (instruction.keyword === 'COPY' ? instruction.flags : []).flatMap((flag): readonly StageNumber[] => {
          if (flag.name !== 'from' || !flag.valueRange || !/^[+-]?\d+$/.test(flag.value ?? '')) return [];
          return [{ index: Number(flag.value), range: flag.valueRange }];
        }),
      ),
    );
  known.set(dockerfile, found);
  return found;
}

/** `redis_arm32v7`: a name with the architecture in it tells linters that the platform is meant. */
function freeName(image: string, platform: Platform, taken: Set<string>): string {
  const last =
    image
      .replace(/[:@][^/]*$/, '')
      .split('/')
      .at(-1) ?? 'image';
  const stem = `${last.toLowerCase().replace(/^[^a-z]+/, '') || 'image'}_${officialNamespace(platform) ?? platform.architecture}`;
  let name = stem;
  for (let count = 2; taken.has(name); count += 1) name = `${stem}_${count}`;
  taken.add(name);
  return name;
}

/** The start of the line of a FROM, above the comments that belong to it and below the directives. */
function lineStartAbove(dockerfile: Dockerfile, stage: Stage): number {
  const { text } = dockerfile;
  let at = text.lastIndexOf('\n', stage.from.range.start - 1) + 1;
  const floor = Math.max(
    0,
    ...dockerfile.directives.map(({ range }) => text.indexOf('\n', range.end - 1) + 1),
  );
  for (let count = stage.from.comments.length; count > 0 && at > floor; count -= 1) {
    at = text.lastIndexOf('\n', at - 2) + 1;
  }
  return at === 0 && text.startsWith('\ufeff') ? 1 : at;
}
