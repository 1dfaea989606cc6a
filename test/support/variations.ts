import type { Dockerfile, Instruction, Range, Stage } from '@mabuild/core';
import { parseDockerfile } from '@mabuild/core';
import type { Quoting, Site, Variation } from '../../packages/core/src/fixes/variation.ts';

/** What a marked text is on other platforms, and how it is to be written. */
export interface Marked {
  readonly arm64?: string;
  readonly v7?: string;
  readonly v6?: string;
  readonly name?: string;
  readonly quoting?: Quoting;
  readonly shell?: Variation['shell'];
}

/** A Dockerfile and what varies in it. */
export interface MarkedDockerfile {
  readonly text: string;
  readonly dockerfile: Dockerfile;
  readonly variations: readonly Variation[];
}

const keys = { arm64: 'linux/arm64', v7: 'linux/arm/v7', v6: 'linux/arm/v6' } as const;

/**
 * Reads a Dockerfile in which the varying texts stand between « and »; `marked` says what each is elsewhere, by the text
 * without continuations, or by `text#2` for its second place.
 */
export function readMarked(source: string, marked: Readonly<Record<string, Marked>>): MarkedDockerfile {
  const spans: Range[] = [];
  let text = '';
  let start = 0;
  for (const character of source) {
    if (character === '«') start = text.length;
    else if (character === '»') spans.push({ start, end: text.length });
    else text += character;
  }
  const dockerfile = parseDockerfile(text);
  const counts = new Map<string, number>();
  const variations = spans.map((span): Variation => {
    const { stage, instruction } = instructionAt(dockerfile, span);
    const pieces = piecesOf(instruction, span);
    const own = pieces.map((piece) => text.slice(piece.start, piece.end)).join('');
    const count = (counts.get(own) ?? 0) + 1;
    counts.set(own, count);
    const what = marked[`${own}#${count}`] ?? marked[own] ?? {};
    const site: Site = {
      stage,
      instruction,
      pieces,
      quoting: what.quoting ?? (instruction.json ? 'json' : quotingAt(text, instruction, span.start)),
      shell: instruction.keyword === 'RUN' && !instruction.json,
    };
    const texts = Object.fromEntries(
      Object.entries(keys).flatMap(([short, key]) => {
        const other = what[short as keyof typeof keys];
        return other === undefined ? [] : [[key, other]];
      }),
    );
    const { name = 'arch', shell } = what;
    return { site, text: own, texts, name, ...(shell ? { shell } : {}) };
  });
  return { text, dockerfile, variations };
}

function instructionAt(
  dockerfile: Dockerfile,
  { start }: Range,
): { readonly stage: Stage | undefined; readonly instruction: Instruction } {
  const outer = dockerfile.instructions.find(({ range }) => range.start <= start && start <= range.end);
  if (!outer) throw new Error('a mark stands outside of all instructions');
  const stage = dockerfile.stages.find((item) => item.from === outer || item.instructions.includes(outer));
  return { stage, instruction: outer.onbuild ?? outer };
}

/** A span without the continuations in it; inside a heredoc as it is. */
function piecesOf({ logical, heredocs }: Instruction, span: Range): readonly Range[] {
  if (heredocs.some(({ range }) => range.start <= span.start && span.end <= range.end)) return [span];
  if (span.start === span.end) return [span];
  return logical.pieces.flatMap((piece) => {
    const start = Math.max(piece.start, span.start);
    const end = Math.min(piece.end, span.end);
    return start < end ? [{ start, end }] : [];
  });
}

/** The quotes that are open at a place of an instruction. */
function quotingAt(text: string, { argumentsRange }: Instruction, at: number): Quoting {
  let quote: string | undefined;
  for (const character of text.slice(argumentsRange.start, at)) {
    if (quote === undefined && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = undefined;
  }
  return quote === "'" ? 'single' : quote === '"' ? 'double' : 'none';
}
