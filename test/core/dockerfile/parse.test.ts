import { detectDirective, type Instruction, locate, parseDockerfile } from '@mabuild/core';
import { isMabuildError, type MabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import { splitQuoted } from '../../../packages/core/src/dockerfile/arguments.ts';
import { readHeredocMark } from '../../../packages/core/src/dockerfile/heredoc.ts';
import type { ReadInstruction } from '../../../packages/core/src/dockerfile/instruction.ts';
import { type ScannedInstruction, scanDockerfile } from '../../../packages/core/src/dockerfile/scan.ts';
import { hasShared, sharedDescribe } from '../../support/shared.ts';
import { type ParserCase, readParserCases, type VectorInstruction } from './vectors.ts';

const files = [
  'testfiles',
  'testfiles-negative',
  'line-numbers',
  'empty-continuation-warnings',
  'heredoc',
  'heredoc-from-line',
  'json-arrays',
  'directives',
  'instruction-errors',
  'edge-ours',
];

/** Rows whose comments we read otherwise than BuildKit, and why. */
const commentExceptions: Readonly<Record<string, string>> = {
  'edge/comment-indented':
    'BuildKit cuts one character off an indented comment, so that its # stays: "# c" instead of "c"',
};

function shown(read: ReadInstruction): VectorInstruction {
  return {
    keyword: read.name,
    args: read.args,
    startLine: 0,
    endLine: 0,
    original: read.logical.text,
    flags: read.flags.map(({ name, value }) => (value === undefined ? `--${name}` : `--${name}=${value}`)),
    json: read.json,
    ...(read.onbuild ? { onbuild: shown(read.onbuild) } : {}),
  };
}

function shownScan(scanned: ScannedInstruction): VectorInstruction {
  const heredocs = scanned.heredocs.map(({ range: _, ...heredoc }) => heredoc);
  const { startLine, endLine, comments } = scanned;
  return { ...shown(scanned.read), startLine, endLine, heredocs, prevComments: comments };
}

function wanted(instruction: VectorInstruction): VectorInstruction {
  const { keyword, args, startLine, endLine, original, flags, json, heredocs, onbuild } = instruction;
  return {
    keyword,
    args,
    startLine,
    endLine,
    original,
    flags: flags ?? [],
    json: json ?? false,
    ...(onbuild ? { onbuild: withoutHeredocs(wanted(onbuild)) } : {}),
    heredocs: heredocs ?? [],
    prevComments: instruction.prevComments ?? [],
  };
}

function withoutHeredocs(instruction: VectorInstruction): VectorInstruction {
  const { heredocs: _, prevComments: __, ...rest } = instruction;
  return rest;
}

function refusal(text: string): MabuildError {
  try {
    parseDockerfile(text, { file: 'Dockerfile' });
  } catch (error) {
    return error as MabuildError;
  }
  throw new Error(`this was accepted: ${JSON.stringify(text)}`);
}

/** Every range of an instruction must hold what the instruction says of it. */
function expectRangesToHold(text: string, instruction: Instruction): void {
  const { logical, keyword, keywordRange, flags, words, onbuild, json } = instruction;
  const joined = (pieces: readonly { start: number; end: number }[]): string =>
    pieces.map((piece) => text.slice(piece.start, piece.end)).join('');
  expect(joined(logical.pieces)).to.equal(logical.text);
  if (!text.slice(keywordRange.start, keywordRange.end).includes('\n')) {
    expect(text.slice(keywordRange.start, keywordRange.end).toUpperCase()).to.equal(keyword);
  }
  for (const flag of flags) {
    expect(text.slice(flag.range.start, flag.range.end)).to.match(/^--/);
    if (flag.valuePieces) expect(joined(flag.valuePieces)).to.equal(flag.value);
  }
  for (const word of words) expect(joined(word.pieces)).to.satisfy((raw: string) => raw.startsWith(word.raw));
  if (json && keyword !== 'HEALTHCHECK') {
    expect(words.map((word) => JSON.parse(word.raw))).to.deep.equal(instruction.args);
  }
  if (onbuild) expectRangesToHold(text, onbuild);
}

sharedDescribe("reading Dockerfiles as BuildKit's parser does", () => {
  for (const file of hasShared() ? files : []) {
    describe(file, () => {
      for (const row of readParserCases(file)) it(row.name, () => checkRow(row));
    });
  }

  it('scanner-limit', () => {
    interface Row {
      generate: { prefix: string; repeat: [string, number]; suffix: string };
      expectedError: string;
    }
    for (const { generate, expectedError } of readParserCases<Row>('scanner-limit')) {
      const text = generate.prefix + generate.repeat[0].repeat(generate.repeat[1]) + generate.suffix;
      const error = refusal(text);
      expect(error.message).to.equal(expectedError);
      expect(error.location).to.include({ line: 3, column: 1 });
    }
  });

  it('parse-words', () => {
    for (const { input, expect: words } of readParserCases<{ input: string; expect: string[] }>(
      'parse-words',
    )) {
      const got = splitQuoted(input, { start: 0, end: input.length }, '\\').map((word) => word.raw);
      expect(got, input).to.deep.equal(words);
    }
  });

  it('heredoc-words', () => {
    interface Row {
      word: string;
      expect: { name?: string; error?: boolean } | null;
      asLine: { heredocNames: string[]; endLine: number };
    }
    for (const row of readParserCases<Row>('heredoc-words')) {
      if (row.expect?.error) expect(() => readHeredocMark(row.word), row.word).to.throw();
      else expect(readHeredocMark(row.word)?.name ?? null, row.word).to.equal(row.expect?.name ?? null);
      const text = `FROM scratch\nRUN cat ${row.word}\nx\nEOF\n`;
      const run = scanDockerfile({ text, file: undefined }).instructions[1];
      expect(run?.heredocs.map((heredoc) => heredoc.name)).to.deep.equal(row.asLine.heredocNames);
      expect(run?.endLine, row.word).to.equal(row.asLine.endLine);
    }
  });
});

sharedDescribe('a Dockerfile that is cut off anywhere', () => {
  it('parses or gets a refusal with its place', () => {
    const inputs = hasShared() ? readParserCases('edge-ours').map((row) => row.input) : [];
    for (const input of inputs) {
      for (let length = 0; length < input.length; length += 3) {
        const text = input.slice(0, length);
        try {
          parseDockerfile(text, { file: 'Dockerfile' });
        } catch (error) {
          if (!isMabuildError(error)) throw error;
          expect(error.location?.line, JSON.stringify(text)).to.be.greaterThan(0);
          expect(error.location?.column, JSON.stringify(text)).to.be.greaterThan(0);
        }
      }
    }
  });
});

function checkRow(row: ParserCase): void {
  const { name, input, expected, expectedError, directiveResults } = row;
  if (directiveResults) {
    expect(detectDirective(input, 'syntax') ?? null).to.equal(directiveResults.syntax);
    expect(detectDirective(input, 'check') ?? null).to.equal(directiveResults.check);
  }
  if (expectedError !== undefined) {
    const error = refusal(input);
    expect(error.message).to.equal(expectedError);
    expect(error.location?.line).to.be.greaterThan(0);
    expect(error.location?.column).to.be.greaterThan(0);
    return;
  }
  if (expected === undefined) throw new Error(`${name}: the row expects nothing`);
  const scan = scanDockerfile({ text: input, file: undefined });
  const instructions = scan.instructions.map(shownScan);
  const rows = expected.instructions.map(wanted);
  if (name in commentExceptions) {
    const withoutComments = (list: readonly VectorInstruction[]): unknown =>
      list.map((instruction) => ({ ...instruction, prevComments: [] }));
    expect(withoutComments(instructions)).to.deep.equal(withoutComments(rows));
  } else {
    expect(instructions).to.deep.equal(rows);
  }
  expect(scan.escape).to.equal(expected.escape);
  expect(scan.warnings).to.deep.equal(expected.warnings ?? []);
  expect(detectDirective(input, 'syntax')).to.equal(expected.syntaxDirective);
  expect(detectDirective(input, 'check')).to.equal(expected.checkDirective);
  if (expected.instructionsParseError === undefined) checkDockerfile(row);
  else checkRefusal(input, expected.instructionsParseError);
}

function checkDockerfile({ input, expected }: ParserCase): void {
  if (!expected?.stages?.length) {
    expect(refusal(input).message).to.equal('dockerfile contains no stages to build');
    return;
  }
  const dockerfile = parseDockerfile(input);
  expect(dockerfile.escape).to.equal(expected.escape);
  const stages = dockerfile.stages.map(({ base, name, platform, instructions }) => ({
    base: base.raw,
    name: name ?? '',
    platform: platform?.value ?? '',
    commands: instructions.length,
  }));
  expect(stages).to.deep.equal(expected.stages);
  const directives = new Map(dockerfile.directives.map(({ name, value }) => [name, value]));
  expect(directives.get('syntax')?.split(' ')[0]).to.equal(expected.syntaxDirective);
  expect(directives.get('check')).to.equal(expected.checkDirective);
  for (const instruction of dockerfile.instructions) {
    expectRangesToHold(input, instruction);
    expect(locate(dockerfile, instruction.range).endLine).to.equal(instruction.endLine);
  }
}

/** BuildKit names the line; the guess at what was meant is a hint of ours. */
function checkRefusal(input: string, message: string): void {
  const error = refusal(input);
  expect(error.code).to.equal('DOCKERFILE_SYNTAX');
  const [, line, text] = /^dockerfile parse error on line (\d+): (.*)$/s.exec(message) ?? [];
  expect(error.message).to.equal((text ?? message).replace(/ \(did you mean .*\?\)$/, ''));
  if (line !== undefined) expect(error.location?.line).to.equal(Number(line));
  expect(error.location?.column).to.be.greaterThan(0);
}
