import {
  type Base,
  parseDockerfile,
  platformArgs,
  resolveBase,
  resolveSources,
  type ScopeOptions,
  scopeAt,
  stageGraph,
  targetStage,
} from '@mabuild/core';
import { isMabuildError, type MabuildError, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';

const arm: ScopeOptions = {
  platformArgs: platformArgs(parsePlatform('linux/arm/v7'), parsePlatform('linux/amd64')),
};

function refusal(run: () => unknown): MabuildError {
  try {
    run();
  } catch (error) {
    if (isMabuildError(error)) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('what the end of the last stage can expand', () => {
  const rows: readonly [string, string, ScopeOptions, Readonly<Record<string, string>>][] = [
    ['nothing undeclared', 'ARG A=1\nFROM x\n', arm, {}],
    ['a declared global ARG', 'ARG A=1\nFROM x\nARG A\n', {}, { A: '1' }],
    [
      'a global ARG over the automatic value',
      'ARG TARGETARCH=mine\nFROM x\nARG TARGETARCH',
      arm,
      { TARGETARCH: 'mine' },
    ],
    [
      'declared automatic ARGs',
      'FROM x\nARG TARGETARCH TARGETVARIANT',
      arm,
      { TARGETARCH: 'arm', TARGETVARIANT: 'v7' },
    ],
    [
      'a default that hides the automatic value',
      'FROM x\nARG TARGETARCH=amd64',
      arm,
      { TARGETARCH: 'amd64' },
    ],
    ['a build-arg over both', 'ARG A=1\nFROM x\nARG A=2', { buildArgs: { A: '3' } }, { A: '3' }],
    ['no build-arg without ARG', 'FROM x\nRUN y', { buildArgs: { A: '3' } }, {}],
    ['an ARG without value', 'FROM x\nARG A', {}, {}],
    ['every name of an ARG', 'FROM x\nARG A=1 B=$A C="x y"', {}, { A: '1', B: '1', C: 'x y' }],
    ['ENV with the values before it', 'FROM x\nENV A=1\nENV A=2 B=$A', {}, { A: '2', B: '1' }],
    ['an old ENV', 'FROM x\nENV A b  c', {}, { A: 'b  c' }],
    [
      'ENV and ARG of a parent stage',
      'FROM x AS p\nENV E=1\nARG A=2\nFROM p\nENV F=$E$A',
      {},
      { E: '1', A: '2', F: '12' },
    ],
    ['nothing of other stages', 'FROM x AS p\nENV E=1\nFROM x', {}, {}],
    ['a parent that an ARG names', 'ARG P=p\nFROM x AS p\nENV E=1\nFROM $P', {}, { E: '1' }],
  ];
  for (const [name, text, options, expected] of rows) {
    it(name, () => {
      const dockerfile = parseDockerfile(text);
      const scope = scopeAt(dockerfile, targetStage(dockerfile), undefined, options);
      expect(Object.fromEntries([...scope].map(([key, { value }]) => [key, value]))).to.deep.equal(expected);
    });
  }

  it('ends before the instruction that is asked about', () => {
    const dockerfile = parseDockerfile('FROM x\nENV A=1\nRUN y\nENV A=2\nONBUILD RUN z\nENV A=3\n');
    const stage = targetStage(dockerfile);
    const [, run, , onbuild] = stage.instructions;
    expect(scopeAt(dockerfile, stage, run).get('A')).to.include({ value: '1', from: 'env' });
    expect(scopeAt(dockerfile, stage, onbuild).get('A')?.value).to.equal('2');
    expect(scopeAt(dockerfile, stage, onbuild?.onbuild).get('A')?.value).to.equal('2');
  });

  it('places a broken default', () => {
    const dockerfile = parseDockerfile('ARG A="${B:?give B}"\nFROM x\n', { file: 'Dockerfile' });
    const error = refusal(() => resolveBase(dockerfile, targetStage(dockerfile)));
    expect(error.message).to.include('B: give B');
    expect(error.location).to.include({ line: 1, column: 7 });
  });
});

function shown(base: Base): string {
  if (base.kind === 'stage') return `stage ${base.stage.index}`;
  if (base.kind === 'scratch') return 'scratch';
  return `${base.name}${base.platform === undefined ? '' : ` for ${base.platform}`}`;
}

describe('what a Dockerfile stands on', () => {
  const rows: readonly [string, readonly string[]][] = [
    ['FROM a:1\nFROM scratch', ['a:1', 'scratch']],
    ['FROM a AS B\nFROM b\nFROM b AS b\nFROM b', ['a', 'stage 0', 'stage 0', 'stage 2']],
    ['FROM busybox AS busybox\nFROM busybox', ['busybox', 'stage 0']],
    ['FROM --platform=$BUILDPLATFORM a', ['a for linux/amd64']],
    ['ARG P=linux/$TARGETARCH\nFROM --platform=${P} "a"', ['a for linux/arm']],
    ['FROM a AS dl-arm\nFROM dl-${TARGETARCH}', ['a', 'stage 0']],
    ['ARG V\nFROM a:${V:-1}', ['a:1']],
  ];
  for (const [text, expected] of rows) {
    it(JSON.stringify(text), () => {
      const dockerfile = parseDockerfile(text);
      expect(dockerfile.stages.map((stage) => shown(resolveBase(dockerfile, stage, arm)))).to.deep.equal(
        expected,
      );
    });
  }

  it('leaves a platform open while the automatic ARGs are not known', () => {
    const dockerfile = parseDockerfile('FROM --platform=$TARGETPLATFORM a');
    expect(shown(resolveBase(dockerfile, targetStage(dockerfile)))).to.equal('a');
  });

  it('COPY --from and RUN --mount=from', () => {
    const text = [
      'FROM a AS One',
      'FROM b',
      'COPY --from=one x y',
      'COPY --from=0 x y',
      'COPY --from=busybox:1 x y',
      'COPY --chown=1 x y',
      'RUN --mount=type=bind,from=one,target=/x --mount=from=c:2,target=/y z',
      'RUN --mount=type=cache,target=/x z',
    ].join('\n');
    const dockerfile = parseDockerfile(text);
    const sources = dockerfile.instructions.map((instruction) =>
      resolveSources(dockerfile, instruction).map(({ base, word }) => {
        expect(text.slice(word.range.start, word.range.end)).to.equal(word.raw);
        return shown(base);
      }),
    );
    const expected = [[], [], ['stage 0'], ['stage 0'], ['busybox:1'], [], ['stage 0', 'c:2'], []];
    expect(sources).to.deep.equal(expected);
  });

  const bad: readonly [string, string, number, number][] = [
    ['FROM a\nCOPY --from=$X a b', 'variable expansion is not supported for --from', 2, 13],
    ['FROM a\nCOPY --from=7 a b', 'invalid stage index 7', 2, 13],
    ['FROM ${A}', 'base name (${A}) should not be blank', 1, 6],
    ['FROM a AS x\nCOPY --from=x a b', 'circular dependency detected on stage: x', 2, 1],
    ['FROM a\nEXPOSE 80 x', 'invalid containerPort: x', 2, 11],
    ['FROM a\nARG U=http://x/y\nCOPY $U z', "source can't be a URL for COPY", 3, 6],
  ];
  for (const [text, message, line, column] of bad) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      const error = refusal(() => stageGraph(parseDockerfile(text)));
      expect(error.message).to.include(message);
      expect(error.location).to.include({ line, column });
    });
  }
});

describe('the stages that a target needs', () => {
  const text = [
    'FROM a AS base',
    'FROM base AS build',
    'FROM b AS unused',
    'FROM base AS tools',
    'FROM c',
    'COPY --from=build x y',
    'FROM d AS last',
    'RUN --mount=from=tools,target=/t z',
  ].join('\n');
  const rows: readonly [string | undefined, readonly number[]][] = [
    [undefined, [0, 3, 5]],
    ['', [0, 3, 5]],
    ['LAST', [0, 3, 5]],
    ['4', [0, 1, 4]],
    ['build', [0, 1]],
    ['unused', [2]],
  ];
  for (const [target, expected] of rows) {
    it(String(target), () => {
      const stages = stageGraph(parseDockerfile(text), target);
      expect(stages.map((stage) => stage.index)).to.deep.equal(expected);
    });
  }

  it('names the stages when there is no such target', () => {
    const error = refusal(() => stageGraph(parseDockerfile(text), 'nosuch'));
    expect(error.code).to.equal('TARGET_NOT_FOUND');
    expect(error.hint).to.equal('the stages are base, build, unused, tools, last');
    expect(refusal(() => stageGraph(parseDockerfile('FROM a\nFROM b'), 'x')).hint).to.include(
      'leave --target out',
    );
  });

  it('does not judge ports that the base image gives', () => {
    expect(stageGraph(parseDockerfile('FROM a\nEXPOSE $PORT'))).to.have.length(1);
  });
});
