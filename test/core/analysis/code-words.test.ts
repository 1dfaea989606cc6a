import { expect } from 'chai';
import { readCode } from '../../../packages/core/src/analysis/code-words.ts';
import { referenceAt, siteAt } from '../../../packages/core/src/analysis/mapped-text.ts';
import { parseDockerfile } from '../../../packages/core/src/dockerfile/parse.ts';

interface Row {
  readonly text: string;
  /** Every word with `X` in it: its text, and where the X is written. */
  readonly words: readonly string[];
}

const rows: readonly Row[] = [
  { text: 'RUN a X', words: ['X @ RUN X'] },
  { text: 'RUN a \\\n  # note\n  b-X-c', words: ['b-X-c @ RUN X'] },
  { text: 'RUN a fooX\\\nbar', words: ['fooXbar @ RUN X'] },
  { text: 'ENV A=X\nRUN a "$A/b"', words: ['X @ ENV X', 'X/b @ ENV X via $A'] },
  { text: 'ENV A=X\nENV C=${A}z', words: ['X @ ENV X', 'Xz @ ENV X via ${A}'] },
  { text: 'ARG A="X-1"\nRUN a ${A}', words: ['X-1 @ ARG X', 'X-1 @ ARG X'] },
  { text: 'RUN A=X; a $A', words: ['X @ RUN X', 'X @ RUN X via $A'] },
  { text: 'RUN if b; then A=X; fi; a $A', words: ['X @ RUN X'] },
  { text: "RUN sh -c 'a X'", words: ['a X @ RUN X', 'X @ RUN X'] },
  { text: 'RUN <<EOF\na X\nEOF', words: ['X @ RUN X'] },
  { text: 'RUN <<EOF cat > b\nX\nEOF', words: ['X\n @ RUN X'] },
  { text: 'RUN <<EOF\n#!/usr/bin/python3\nX\nEOF', words: [] },
  { text: 'COPY X/a /b', words: ['X/a @ COPY X'] },
  { text: 'CMD ["X"]', words: ['X @ CMD X'] },
  { text: 'CMD a X', words: ['X @ CMD X'] },
  { text: 'HEALTHCHECK CMD a X', words: ['X @ HEALTHCHECK X'] },
  { text: 'SHELL ["powershell"]\nRUN a X', words: [] },
  { text: 'RUN ["a", "X"]', words: ['X @ RUN X'] },
  { text: 'RUN a \\X', words: ['\\X @ RUN X'] },
  { text: 'RUN for i in X b; do c $i; done', words: ['X @ RUN X'] },
  { text: 'RUN for i in X arm64; do c $i; done', words: [] },
  { text: 'RUN a=(X b)', words: ['X @ RUN X'] },
  { text: 'RUN declare -A a=([x]=X [arm64]=b)', words: [] },
  { text: 'ONBUILD RUN a X', words: ['X @ RUN X'] },
];

describe('readCode', () => {
  for (const { text, words } of rows) {
    it(JSON.stringify(text), () => {
      const whole = `FROM debian\n${text}\n`;
      const found = readCode(parseDockerfile(whole)).words.flatMap(({ mapped }) => {
        const at = mapped.text.indexOf('X');
        if (at < 0) return [];
        const site = siteAt(mapped, at, at + 1);
        const reference = referenceAt(mapped, at, at + 1);
        const source = (pieces: readonly { start: number; end: number }[]): string =>
          pieces.map(({ start, end }) => whole.slice(start, end)).join('');
        const written = site ? `${site.instruction.keyword} ${source(site.pieces)}` : '?';
        return [`${mapped.text} @ ${written}${reference ? ` via ${source(reference.pieces)}` : ''}`];
      });
      expect(found).to.deep.equal(words);
    });
  }

  it('knows what depends on the architecture already', () => {
    const text = [
      'FROM debian',
      'ARG TARGETARCH',
      'RUN a-$TARGETARCH; b-$(uname -m); case $(dpkg --print-architecture) in amd64) x=c ;; esac; d-$x; e',
    ].join('\n');
    const { words } = readCode(parseDockerfile(text));
    expect(words.filter(({ mapped }) => mapped.switched).map(({ mapped }) => mapped.text)).to.deep.equal([
      'a-${TARGETARCH}',
      'b-$(uname -m)',
      'd-${x}',
    ]);
    expect(words.filter(({ guarded }) => guarded).map(({ mapped }) => mapped.text)).to.deep.equal(['c']);
  });
});
