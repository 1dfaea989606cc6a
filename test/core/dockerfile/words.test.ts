import { expandWord, expandWords, type Segment } from '@mabuild/core';
import { expect } from 'chai';
import { patternToRegExp, reversePattern } from '../../../packages/core/src/dockerfile/pattern.ts';
import { hasShared, sharedDescribe, sharedJson } from '../../support/shared.ts';

interface WordCase {
  readonly id: string;
  readonly fn: 'processWord' | 'processWords' | 'processWordWithMatches';
  readonly platform: 'all' | 'unix' | 'windows';
  readonly input: string;
  readonly env: Readonly<Record<string, string>>;
  readonly expected?: string;
  readonly expectedWords?: readonly string[];
  readonly matched?: readonly string[];
  readonly unmatched?: readonly string[];
  readonly error?: boolean;
  readonly oracleError?: string;
  readonly modeOnlySetEnv?: {
    readonly result?: string;
    readonly words?: readonly string[];
    readonly error?: string;
  };
}

interface WordVectors {
  readonly cases: readonly WordCase[];
  readonly patterns: {
    readonly valid: Readonly<Record<string, string>>;
    readonly invalid: readonly string[];
    readonly reversePattern: Readonly<Record<string, string>>;
  };
}

/** Rows that are not about us, and why. */
const exceptions: Readonly<Record<string, string>> = {
  windows:
    'names of variables ignore case only where BuildKit itself runs on Windows; mabuild builds for Linux',
};

const read = (): WordVectors => sharedJson<WordVectors>('vectors', 'dockerfile', 'shell-words.json');

function message(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

/** Each segment must say where its text comes from. */
function expectSegmentsToHold(row: WordCase, text: string, segments: readonly Segment[]): void {
  expect(segments.map((segment) => text.slice(segment.start, segment.end)).join('')).to.equal(text);
  for (const segment of segments) {
    const part = text.slice(segment.start, segment.end);
    if (segment.variable === undefined) {
      expect(row.input.slice(segment.rawStart, segment.rawEnd)).to.equal(part);
    } else if (segment.valueStart !== undefined) {
      const value = row.env[segment.variable] ?? '';
      expect(value.slice(segment.valueStart, segment.valueStart + part.length)).to.equal(part);
    }
  }
}

function check(row: WordCase): void {
  const env = new Map(Object.entries(row.env));
  if (row.error) {
    const got = message(() => expandWord(row.input, env));
    if (row.oracleError) expect(got).to.equal(row.oracleError);
  } else if (row.fn === 'processWords') {
    expect(expandWords(row.input, env)).to.deep.equal(row.expectedWords);
  } else {
    const { text, segments, matched, unmatched } = expandWord(row.input, env);
    expect(text).to.equal(row.expected);
    if (row.matched) expect([...matched].sort()).to.deep.equal([...row.matched].sort());
    if (row.unmatched) expect([...unmatched].sort()).to.deep.equal([...row.unmatched].sort());
    expectSegmentsToHold(row, text, segments);
  }
  const mode = row.modeOnlySetEnv;
  if (mode === undefined) return;
  const options = { rawQuotes: true, keepUnset: true };
  if (mode.error !== undefined)
    expect(message(() => expandWord(row.input, env, options))).to.equal(mode.error);
  if (mode.words) expect(expandWords(row.input, env, options)).to.deep.equal(mode.words);
  if (mode.result !== undefined) expect(expandWord(row.input, env, options).text).to.equal(mode.result);
}

sharedDescribe('expanding words as BuildKit does', () => {
  for (const row of hasShared() ? read().cases : []) {
    if (row.platform in exceptions) it.skip(`${row.id}: ${exceptions[row.platform]}`);
    else it(`${row.id} ${JSON.stringify(row.input)}`, () => check(row));
  }

  it('patterns', () => {
    const { valid, invalid, reversePattern: reversed } = read().patterns;
    const options = { greedy: true, anchored: true };
    for (const [pattern, source] of Object.entries(valid))
      expect(patternToRegExp(pattern, options)).to.equal(source);
    for (const pattern of invalid) expect(() => patternToRegExp(pattern, options), pattern).to.throw();
    for (const [pattern, turned] of Object.entries(reversed))
      expect(reversePattern(pattern)).to.equal(turned);
  });
});

describe('segments of an expanded word', () => {
  const rows: readonly [string, Readonly<Record<string, string>>, readonly Segment[]][] = [
    [
      '"ubuntu:22.04"',
      {},
      [{ start: 0, end: 12, rawStart: 1, rawEnd: 13, variable: undefined, valueStart: undefined }],
    ],
    [
      'alpine:${V%-x86}',
      { V: '3.18-x86' },
      [
        { start: 0, end: 7, rawStart: 0, rawEnd: 7, variable: undefined, valueStart: undefined },
        { start: 7, end: 11, rawStart: 7, rawEnd: 16, variable: 'V', valueStart: 0 },
      ],
    ],
    [
      '${BASE:-debian:${V:-12}}',
      { V: '13' },
      [
        { start: 0, end: 7, rawStart: 8, rawEnd: 15, variable: undefined, valueStart: undefined },
        { start: 7, end: 9, rawStart: 15, rawEnd: 23, variable: 'V', valueStart: 0 },
      ],
    ],
    [
      '${P#linux/}',
      { P: 'linux/arm' },
      [{ start: 0, end: 3, rawStart: 0, rawEnd: 11, variable: 'P', valueStart: 6 }],
    ],
    [
      '${P/arm/x}',
      { P: 'arm64' },
      [{ start: 0, end: 3, rawStart: 0, rawEnd: 10, variable: 'P', valueStart: undefined }],
    ],
    [
      'a\\ b',
      {},
      [
        { start: 0, end: 1, rawStart: 0, rawEnd: 1, variable: undefined, valueStart: undefined },
        { start: 1, end: 3, rawStart: 2, rawEnd: 4, variable: undefined, valueStart: undefined },
      ],
    ],
  ];
  for (const [raw, env, segments] of rows) {
    it(raw, () => {
      expect(expandWord(raw, new Map(Object.entries(env))).segments).to.deep.equal(segments);
    });
  }

  it('can leave quotes alone, as heredocs have them', () => {
    const options = { ignoreQuotes: true };
    expect(expandWord('it\'s "$A" \\$A', new Map([['A', 'b']]), options).text).to.equal('it\'s "b" $A');
  });

  it('takes the escape character of the file', () => {
    expect(expandWord('c:\\a`$b', new Map(), { escape: '`' }).text).to.equal('c:\\a$b');
  });
});
