import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { formatFinding, formatFindings } from '../../../packages/cli/src/formatters/findings.ts';
import { paintFor } from '../../../packages/cli/src/text/paint.ts';
import { fileFindings, findingAt } from '../../support/findings.ts';

const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`;

interface Row {
  readonly name: string;
  readonly text: string;
  readonly what: string;
  readonly given?: Parameters<typeof findingAt>[2];
  readonly shown: readonly string[];
}

const table: readonly Row[] = [
  {
    name: 'a fix',
    text: 'FROM debian\nRUN curl -O https://x/y-amd64.tgz\nCMD ["y"]\n',
    what: 'amd64',
    given: { to: '${arch}', hint: 'take the one of the platform' },
    shown: [
      'error: the download is for x86 (known-asset-x86-url; linux/arm64, linux/arm/v7)',
      '  Dockerfile:2:25',
      '   2 | RUN curl -O https://x/y-amd64.tgz',
      '     |                         ^^^^^',
      'hint: take the one of the platform',
      'fix:',
      '  @@ -1,3 +1,3 @@',
      '   FROM debian',
      '  -RUN curl -O https://x/y-amd64.tgz',
      '  +RUN curl -O https://x/y-${arch}.tgz',
      '   CMD ["y"]',
    ],
  },
  {
    name: 'a suggestion, a carriage return and no line end at the end',
    text: 'FROM amd64/a\r\nRUN b',
    what: 'amd64/',
    given: { to: '', fix: 'suggest', severity: 'warning' },
    shown: [
      'warning: the download is for x86 (known-asset-x86-url; linux/arm64, linux/arm/v7)',
      '  Dockerfile:1:6',
      '   1 | FROM amd64/a',
      '     |      ^^^^^^',
      'suggestion:',
      '  @@ -1,2 +1,2 @@',
      '  -FROM amd64/a',
      '  +FROM a',
      '   RUN b',
      '  \\ No newline at end of file',
    ],
  },
  {
    name: 'a fix whose edits lie apart',
    text: 'FROM a\nRUN 1\nRUN 2\nRUN 3\nRUN 4\nRUN 5\n',
    what: 'FROM',
    given: {
      severity: 'info',
      fix: 'semi',
      edits: [
        { start: 7, end: 7, newText: 'ARG TARGETARCH\n' },
        { start: 29, end: 30, newText: '$TARGETARCH' },
      ],
    },
    shown: [
      'info: the download is for x86 (known-asset-x86-url; linux/arm64, linux/arm/v7)',
      '  Dockerfile:1:1',
      '   1 | FROM a',
      '     | ^^^^',
      'fix, if that is meant:',
      '  @@ -1,2 +1,3 @@',
      '   FROM a',
      '  +ARG TARGETARCH',
      '   RUN 1',
      '  @@ -4,3 +5,3 @@',
      '   RUN 3',
      '  -RUN 4',
      '  +RUN $TARGETARCH',
      '   RUN 5',
    ],
  },
  {
    name: 'a span of several lines, its indents left out',
    text: 'FROM a\nRUN curl \\\n    -o x \\\n\n  amd64.tgz && y\n',
    what: 'curl \\\n    -o x \\\n\n  amd64.tgz',
    shown: [
      'error: the download is for x86 (known-asset-x86-url; linux/arm64, linux/arm/v7)',
      '  Dockerfile:2:5',
      '   2 | RUN curl \\',
      '     |     ^^^^^^',
      '   3 |     -o x \\',
      '     |     ^^^^^^',
      '   4 | ',
      '   5 |   amd64.tgz && y',
      '     |   ^^^^^^^^^',
    ],
  },
  {
    name: 'a long span: its first and last lines',
    text: `FROM a\nRUN <<E\n${'x\n'.repeat(9)}E\n`,
    what: `RUN <<E\n${'x\n'.repeat(9)}E`,
    shown: [
      'error: the download is for x86 (known-asset-x86-url; linux/arm64, linux/arm/v7)',
      '  Dockerfile:2:1',
      '    2 | RUN <<E',
      '      | ^^^^^^^',
      '    3 | x',
      '      | ^',
      '    4 | x',
      '      | ^',
      '    … |',
      '   11 | x',
      '      | ^',
      '   12 | E',
      '      | ^',
    ],
  },
  {
    name: 'an empty span',
    text: '',
    what: '',
    shown: [
      'error: the download is for x86 (known-asset-x86-url; linux/arm64, linux/arm/v7)',
      '  Dockerfile:1:1',
      '   1 | ',
      '     | ^',
    ],
  },
  {
    name: 'a byte order mark, tabs and wide characters before the span',
    text: '\ufeffFROM a\nRUN\techo 日本 e\u0301 amd64\n',
    what: 'amd64',
    shown: [
      'error: the download is for x86 (known-asset-x86-url; linux/arm64, linux/arm/v7)',
      '  Dockerfile:2:16',
      '   2 | RUN echo 日本 e\u0301 amd64',
      '     |                 ^^^^^',
    ],
  },
  {
    name: 'characters that a terminal would obey',
    text: 'FROM a\nRUN \u001b[31m \u202e amd64\n',
    what: 'amd64',
    given: { message: 'red \u001b[0m' },
    shown: [
      'error: red ␛[0m (known-asset-x86-url; linux/arm64, linux/arm/v7)',
      '  Dockerfile:2:13',
      '   2 | RUN ␛[31m ⟨U+202E⟩ amd64',
      '     |                    ^^^^^',
    ],
  },
];

describe('findings as text', () => {
  for (const { name, text, what, given, shown } of table) {
    it(`show ${name}`, () => {
      expect(formatFinding(fileFindings(text, []), findingAt(text, what, given))).to.equal(lines(...shown));
    });
  }

  it('cut a long line around the span', () => {
    const text = `FROM a\nRUN ${'x'.repeat(300)} amd64 ${'y'.repeat(300)}\n`;
    const [, , line = '', carets = ''] = formatFinding(
      fileFindings(text, []),
      findingAt(text, 'amd64'),
    ).split('\n');
    expect(line).to.match(/^ {3}2 \| …x+ amd64 y+…$/);
    expect(line.length).to.be.lessThan(180);
    expect(line.slice(carets.indexOf('^'), carets.length)).to.equal('amd64');
  });

  it('have colours on a terminal only', () => {
    const text = 'FROM amd64/a\n';
    const finding = findingAt(text, 'amd64/', { to: '', hint: 'h' });
    const paint = paintFor({ isTTY: true, color: true, environment: {} });
    const painted = formatFinding(fileFindings(text, []), finding, paint);
    expect(painted).to.include('\u001b[32m+FROM a\u001b[39m');
    expect(stripVTControlCharacters(painted)).to.equal(formatFinding(fileFindings(text, []), finding));
  });

  const text = 'FROM amd64/a\n';
  const fixable = (path: string) => fileFindings(text, [findingAt(text, 'amd64/', { to: '' })], { path });
  const endings: readonly (readonly [string, Parameters<typeof formatFindings>, string])[] = [
    ['nothing', [[fileFindings(text, [])]], '1 file: 0 errors, 0 warnings, 0 notes\n'],
    [
      'one fix',
      [[fixable('Dockerfile'), fileFindings(text, [])]],
      '2 files: 1 error, 0 warnings, 0 notes; 1 can be fixed for you\nnext: mabuild migrate Dockerfile\nwhy:  mabuild rules known-asset-x86-url\n',
    ],
    [
      'platforms and a name that a shell must not read',
      [[fixable("it's $HOME")], { platforms: ['linux/arm/v6'] }],
      "1 file: 1 error, 0 warnings, 0 notes; 1 can be fixed for you\nnext: mabuild migrate --platform linux/arm/v6 'it'\\''s $HOME'\nwhy:  mabuild rules known-asset-x86-url\n",
    ],
    [
      'many files',
      [['a', 'b', 'c', 'd'].map(fixable), { paths: ['.'] }],
      '4 files: 4 errors, 0 warnings, 0 notes; 4 can be fixed for you\nnext: mabuild migrate .\nwhy:  mabuild rules known-asset-x86-url\n',
    ],
    [
      'what nobody can fix',
      [[fileFindings(text, [findingAt(text, 'amd64/', { rule: 'syntax' })])]],
      '1 file: 1 error, 0 warnings, 0 notes\n',
    ],
  ];
  for (const [name, given, shown] of endings) {
    it(`end with a count and what comes next: ${name}`, () => {
      const blocks = formatFindings(...given).split('\n\n');
      expect(blocks.at(-1)).to.equal(shown);
    });
  }

  it('stay cheap in a long file', () => {
    const long = `FROM a\n${'RUN echo amd64\n'.repeat(10_000)}`;
    const findings = [...long.matchAll(/amd64/g)].slice(0, 2000).map(({ index }) => ({
      ...findingAt(long, 'amd64', { to: 'x' }),
      range: { start: index, end: index + 5 },
      edits: [{ start: index, end: index + 5, newText: 'x' }],
    }));
    const shown = formatFindings([fileFindings(long, findings)]);
    expect(shown.match(/^ {2}@@ -1999,3 \+1999,3 @@$/m)).to.not.equal(null);
  });
});
