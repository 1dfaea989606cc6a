import { MabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import { formatError, formatLocation } from '../../../packages/cli/src/formatters/error.ts';
import { plainPaint } from '../../../packages/cli/src/text/paint.ts';

describe('errors as text', () => {
  const places: readonly (readonly [string, Parameters<typeof formatLocation>[0], readonly string[]])[] = [
    [
      'a span',
      {
        file: 'Dockerfile',
        line: 3,
        column: 6,
        endLine: 3,
        endColumn: 13,
        lineText: 'FROM node:24 AS build',
      },
      ['  Dockerfile:3:6', '   3 | FROM node:24 AS build', '     |      ^^^^^^^'],
    ],
    [
      'a span that goes on in the next line',
      { line: 1, column: 5, endLine: 2, endColumn: 3, lineText: 'RUN a \\' },
      ['  Dockerfile:1:5', '   1 | RUN a \\', '     |     ^^^'],
    ],
    ['a place without its line', { line: 1, column: 2 }, ['  Dockerfile:1:2']],
    [
      'the end of a line',
      { line: 1, column: 4, lineText: 'RUN' },
      ['  Dockerfile:1:4', '   1 | RUN', '     |    ^'],
    ],
    [
      'what a terminal would obey',
      { line: 1, column: 8, endColumn: 9, lineText: '\u001b[2J 日 x' },
      ['  Dockerfile:1:8', '   1 | ␛[2J 日 x', '     |         ^'],
    ],
  ];
  for (const [name, place, lines] of places) {
    it(`show ${name}`, () => {
      expect(formatLocation(place)).to.deep.equal(lines);
    });
  }

  it('say what went wrong, and what to do', () => {
    const error = new MabuildError('reading \u001b[31mx', { code: 'FILE_NOT_FOUND', hint: 'name it' });
    expect(formatError(error, { paint: plainPaint, debug: false })).to.equal(
      'error: reading ␛[31mx (FILE_NOT_FOUND)\nhint: name it\n',
    );
  });
});
