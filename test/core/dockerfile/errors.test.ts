import { parseDockerfile, platformArgs, stageGraph } from '@mabuild/core';
import { isMabuildError, type MabuildError, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { exposedPorts } from '../../../packages/core/src/dockerfile/ports.ts';
import { hasShared, sharedDescribe, sharedJson } from '../../support/shared.ts';

interface UpstreamCase {
  readonly id: string;
  readonly input: string;
  readonly expectedError?: string;
  readonly errorLines?: readonly number[];
  readonly ok?: boolean;
  readonly target?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
}

interface OurCase {
  readonly id: string;
  readonly input: string;
  readonly ok?: boolean;
  readonly stages?: readonly { base: string; name: string; platform: string; commands: number }[];
  readonly expectedError?: string;
}

interface ErrorVectors {
  readonly upstream: readonly UpstreamCase[];
  readonly ours: readonly OurCase[];
  readonly expose: readonly { spec: string; expected?: readonly string[]; error?: string }[];
  readonly platform: readonly {
    cases: readonly { target: string; build: string; env: Readonly<Record<string, string>> }[];
  }[];
}

/** Rows that are right Dockerfiles and only fail when they run: the engine's error then carries these lines. */
const failsWhenItRuns: Readonly<Record<string, string>> = {
  'testErrorsSourceMap/invalidsyntax': 'the frontend image cannot be pulled',
  'testErrorsSourceMap/invalidrun': 'the command is not there',
  'testErrorsSourceMap/invalidcopy': 'the context has no such file',
  'testErrorsSourceMap/invalidcopyfrom': 'the image cannot be pulled',
  'testErrorsSourceMap/invalidmultiline': 'the command is not there',
};

const read = (): ErrorVectors => sharedJson<ErrorVectors>('vectors', 'dockerfile', 'dockerfile-errors.json');

function read2llb(row: UpstreamCase): void {
  const dockerfile = parseDockerfile(row.input, { file: 'Dockerfile' });
  stageGraph(dockerfile, row.target, { ...(row.buildArgs ? { buildArgs: row.buildArgs } : {}) });
}

function refusal(run: () => unknown): MabuildError {
  try {
    run();
  } catch (error) {
    if (isMabuildError(error)) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

function checkUpstream(row: UpstreamCase): void {
  if (row.ok) {
    read2llb(row);
    return;
  }
  if (row.id in failsWhenItRuns) {
    const { instructions, directives } = parseDockerfile(row.input);
    const lines = instructions.map(({ startLine, endLine }) =>
      Array.from({ length: endLine - startLine + 1 }, (_, index) => startLine + index),
    );
    expect([...lines, ...directives.map(() => [1])]).to.deep.include(row.errorLines);
    return;
  }
  const error = refusal(() => read2llb(row));
  if (row.expectedError) expect(error.message).to.include(row.expectedError);
  if (row.target === undefined) {
    expect(error.location?.line).to.be.greaterThan(0);
    expect(error.location?.column).to.be.greaterThan(0);
  }
  if (row.errorLines) expect(row.errorLines).to.include(error.location?.line);
}

function checkOurs({ input, ok, stages, expectedError = '' }: OurCase): void {
  if (ok) {
    const got = parseDockerfile(input).stages.map(({ base, name, platform, instructions }) => ({
      base: base.raw,
      name: name ?? '',
      platform: platform?.value ?? '',
      commands: instructions.length,
    }));
    expect(got).to.deep.equal(stages);
    return;
  }
  const error = refusal(() => parseDockerfile(input, { file: 'Dockerfile' }));
  const [, line, message] = /^dockerfile parse error on line (\d+): (.*)$/.exec(expectedError) ?? [];
  expect(error.code).to.equal('DOCKERFILE_SYNTAX');
  // What BuildKit guesses was meant is our hint.
  expect(error.message).to.equal((message ?? expectedError).replace(/ \(did you mean .*\?\)$/, ''));
  expect(error.location?.file).to.equal('Dockerfile');
  expect(error.location?.line).to.be.greaterThan(0);
  expect(error.location?.column).to.be.greaterThan(0);
  if (line !== undefined) expect(error.location?.line).to.equal(Number(line));
}

sharedDescribe('refusing Dockerfiles that BuildKit refuses', () => {
  const vectors = hasShared() ? read() : undefined;
  for (const row of vectors?.upstream ?? []) it(row.id, () => checkUpstream(row));
  for (const row of vectors?.ours ?? []) it(`${row.id} ${JSON.stringify(row.input)}`, () => checkOurs(row));

  it('EXPOSE', () => {
    for (const { spec, expected, error } of vectors?.expose ?? []) {
      if (error) expect(() => exposedPorts(spec), spec).to.throw(error);
      else expect(exposedPorts(spec), spec).to.deep.equal(expected);
    }
  });

  it('automatic ARGs', () => {
    for (const { target, build, env } of vectors?.platform[0]?.cases ?? []) {
      expect(platformArgs(parsePlatform(target), parsePlatform(build)), target).to.include(env);
    }
  });
});

describe('the place of a refusal', () => {
  const rows: readonly [text: string, line: number, column: number, message: string, lineText: string][] = [
    ['FROM a\nRNU ls\n', 2, 1, 'unknown instruction: RNU', 'RNU ls'],
    ['FROM a # note\n', 1, 8, 'FROM requires either one or three arguments', 'FROM a # note'],
    ['\ufeffFROM a AS 1x\r\n', 1, 11, 'invalid name for build stage', 'FROM a AS 1x'],
    ['FROM a\nCOPY --from=b \\\n  --lnk x y\n', 3, 3, 'unknown flag: --lnk', '  --lnk x y'],
    ['FROM a\nCOPY --link=maybe x y', 2, 13, 'expecting boolean value', 'COPY --link=maybe x y'],
    ['FROM a\nENV A=1 \\\n # c\n B', 4, 2, "can't find = in", ' B'],
    ['FROM a\nONBUILD CMD ["a", 1]', 2, 13, 'strings only', 'ONBUILD CMD ["a", 1]'],
    ['FROM a\nRUN echo <<EOF\nx\n', 2, 10, 'unterminated heredoc', 'RUN echo <<EOF'],
    ['# escape=x\nFROM a', 1, 1, 'invalid escape token', '# escape=x'],
    ['RUN x\nFROM a', 1, 1, 'no build stage in current context', 'RUN x'],
    ['ARG A\n', 1, 1, 'no stages to build', 'ARG A'],
    ['FROM a\nRUN --mount=type=bind,from=$X,target=/x y', 2, 28, "'from' doesn't support", ''],
  ];
  for (const [text, line, column, message, lineText] of rows) {
    it(JSON.stringify(text), () => {
      const error = refusal(() => parseDockerfile(text, { file: 'x/Dockerfile' }));
      expect(error.message).to.include(message);
      expect(error.location).to.include({ file: 'x/Dockerfile', line, column });
      if (lineText) expect(error.location?.lineText).to.equal(lineText);
    });
  }

  it('suggests the instruction that was meant', () => {
    expect(refusal(() => parseDockerfile('FROM a\nRNU ls')).hint).to.equal('did you mean RUN?');
    expect(refusal(() => parseDockerfile('FROM a\nCPOY a b')).hint).to.equal('did you mean COPY?');
  });
});
