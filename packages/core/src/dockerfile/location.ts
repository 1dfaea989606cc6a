import { MabuildError, type SourceLocation } from '@mabuild/oci';
import { endBefore } from './characters.ts';
import type { Dockerfile, Range } from './model.ts';

/** A text and the name its user gave it. */
export type Source = Pick<Dockerfile, 'text' | 'file'>;

/** Says where a range of a Dockerfile stands, in lines and columns from 1; a byte order mark takes no column. */
export function locate(dockerfile: Source, range: Range): SourceLocation {
  const { text, file } = dockerfile;
  const start = position(text, range.start);
  const end = position(text, range.end);
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

function position(text: string, offset: number): { line: number; column: number; lineStart: number } {
  let line = 1;
  let lineStart = text.startsWith('\ufeff') ? 1 : 0;
  for (let next = text.indexOf('\n'); next >= 0 && next < offset; next = text.indexOf('\n', lineStart)) {
    line += 1;
    lineStart = next + 1;
  }
  return { line, column: Math.max(offset - lineStart, 0) + 1, lineStart };
}

/** The error of a Dockerfile that BuildKit would refuse, in BuildKit's words where it has some. */
export function dockerfileError(source: Source, range: Range, message: string, hint?: string): MabuildError {
  return new MabuildError(message, { code: 'DOCKERFILE_SYNTAX', location: locate(source, range), hint });
}
