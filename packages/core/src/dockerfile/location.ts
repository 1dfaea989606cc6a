import { MabuildError, type SourceLocation } from '@mabuild/oci';
import { Attached } from '../attached.ts';
import { endBefore } from './characters.ts';
import type { Dockerfile, Range } from './model.ts';

/** A text and the name its user gave it. */
export type Source = Pick<Dockerfile, 'text' | 'file'>;

/** Says where a range of a Dockerfile stands, in lines and columns from 1; a byte order mark takes no column. */
export function locate(dockerfile: Source, range: Range): SourceLocation {
  const { text, file } = dockerfile;
  const starts = lineStarts(dockerfile);
  const start = position(starts, range.start);
  const end = position(starts, range.end);
  const lineEnd = text.indexOf('\n', start.lineStart);
  const line = text.slice(start.lineStart, lineEnd < 0 ? text.length : lineEnd);
  return {
    ...(file === undefined ? {} : { file }),
    line: start.line,
    column: start.column,
    endLine: end.line,
    endColumn: end.column,
    lineText: line.slice(0, endBefore(line, '\r')),
  };
}

const known = new Attached<Source, readonly number[]>();

/** Where the lines start, found once: a long file may have something to say about each of them. */
function lineStarts(source: Source): readonly number[] {
  const found = known.get(source);
  if (found) return found;
  const { text } = source;
  const starts = [text.startsWith('\ufeff') ? 1 : 0];
  for (let next = text.indexOf('\n'); next >= 0; next = text.indexOf('\n', next + 1)) starts.push(next + 1);
  known.set(source, starts);
  return starts;
}

function position(
  starts: readonly number[],
  offset: number,
): { line: number; column: number; lineStart: number } {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] as number) <= offset) low = middle + 1;
    else high = middle;
  }
  const line = Math.max(low, 1);
  const lineStart = starts[line - 1] as number;
  return { line, column: Math.max(offset - lineStart, 0) + 1, lineStart };
}

/** The error of a Dockerfile that BuildKit would refuse, in BuildKit's words where it has some. */
export function dockerfileError(source: Source, range: Range, message: string, hint?: string): MabuildError {
  return new MabuildError(message, { code: 'DOCKERFILE_SYNTAX', location: locate(source, range), hint });
}
