import { isMabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import { BuildFailedError } from '../../../../packages/core/src/engines/build-failed.ts';
import {
  ClassicFollower,
  locationOfStep,
} from '../../../../packages/core/src/engines/docker/classic-follower.ts';
import type { EngineMessage } from '../../../../packages/core/src/engines/docker/messages.ts';
import { engineBuild, followed } from '../../../support/engine-build.ts';

const dockerfile = '# a page\nARG TAG=1\nFROM busybox:$TAG\n\nRUN echo a && \\\n    false\n';
const build = engineBuild('linux/arm/v7', dockerfile);

const follow = (messages: readonly EngineMessage[]) =>
  followed((emit) => new ClassicFollower(build, emit), messages);

const head = (number: number, text: string): EngineMessage => ({ stream: `Step ${number}/3 : ${text}` });
const out = (stream: string): EngineMessage => ({ stream });
const built: readonly EngineMessage[] = [
  { aux: { ID: 'sha256:full' } },
  out('Successfully built 0123456789ab\n'),
];

describe('classic builder', () => {
  const rows: readonly [string, readonly EngineMessage[], readonly string[]][] = [
    [
      'a step, its output, the next',
      [
        head(1, 'ARG TAG=1'),
        out('\n'),
        head(2, 'FROM busybox:1'),
        out('\n'),
        out(' ---> 0123456789ab\n'),
        head(3, 'RUN x'),
        out('\n'),
        out(' ---> Running in 0123456789ab\n'),
        out('hello\n'),
        out('Removing intermediate container 0123456789ab\n'),
        out(' ---> Removed intermediate container 0123456789ab\n'),
        out(' ---> ba9876543210\n'),
        ...built,
      ],
      [
        'step-1 started: ARG TAG=1',
        'step-1 done: ARG TAG=1',
        'step-2 started: FROM busybox:1',
        'step-2 done: FROM busybox:1',
        'step-3 started: RUN x',
        'step-3 stdout: hello\n',
        'step-3 done: RUN x',
      ],
    ],
    [
      'the cache',
      [head(1, 'RUN x'), out('\n'), out(' ---> Using cache\n'), out(' ---> 0123456789ab\n'), ...built],
      ['step-1 started: RUN x', 'step-1 cached: RUN x'],
    ],
    [
      'output in pieces, the last without a line end',
      [head(1, 'RUN x'), out('\n'), out('he'), out('llo\nwor'), out('ld'), ...built],
      [
        'step-1 started: RUN x',
        'step-1 stdout: hello\n',
        'step-1 stdout: worldSuccessfully built 0123456789ab\n',
        'step-1 done: RUN x',
      ],
    ],
    [
      'stderr is red',
      [head(1, 'RUN x'), out('\n'), out('\u001b[91mno\n\u001b[0m'), ...built],
      ['step-1 started: RUN x', 'step-1 stderr: no\n', 'step-1 done: RUN x'],
    ],
    [
      'a RUN that prints like the builder',
      [head(1, 'RUN x'), out('\n'), out('Step 9/9 : RUN evil\n'), ...built],
      ['step-1 started: RUN x', 'step-1 stdout: Step 9/9 : RUN evil\n', 'step-1 done: RUN x'],
    ],
    [
      'warnings, the noise about platforms left out',
      [
        head(1, 'FROM x'),
        out(
          " ---> [Warning] The requested image's platform (linux/arm/v7) does not match the detected host platform\n",
        ),
        out('[Warning] One or more build-args [A] were not consumed\n'),
        ...built,
      ],
      [
        'step-1 started: FROM x',
        'warning: One or more build-args [A] were not consumed',
        'step-1 done: FROM x',
      ],
    ],
    [
      'a pull',
      [
        head(1, 'FROM x'),
        { status: 'Downloading', id: 'abc', progressDetail: { current: 5, total: 9 } },
        { status: 'Digest: sha256:1' },
        ...built,
      ],
      [
        'step-1 started: FROM x',
        'step-1 abc Downloading 5/9',
        'step-1 Digest: sha256:1 0/0',
        'step-1 done: FROM x',
      ],
    ],
    [
      'podman',
      [out('STEP 1/2: FROM x\n'), out('STEP 2/2: RUN y\n'), out('hi\n'), ...built],
      [
        'step-1 started: FROM x',
        'step-1 done: FROM x',
        'step-2 started: RUN y',
        'step-2 stdout: hi\n',
        'step-2 done: RUN y',
      ],
    ],
  ];
  for (const [name, messages, events] of rows)
    it(name, () => expect(follow(messages)).to.deep.equal({ events, id: 'sha256:full' }));

  it('takes the short id where there is no other', () => {
    expect(follow([head(1, 'FROM x'), out('Successfully built 0123456789ab\n')]).id).to.equal('0123456789ab');
  });

  it('an answer without an image is an error', () => {
    const { error } = follow([head(1, 'FROM x')]);
    expect(isMabuildError(error) && error.code).to.equal('ENGINE_ANSWER_INVALID');
  });

  it('a failed step names line, exit code and last output', () => {
    const noise = Array.from({ length: 30 }, (_, index) => out(`line ${index}\n`));
    const code = { code: 3, message: "The command '/bin/sh -c echo a && false' returned a non-zero code: 3" };
    const { error, events } = follow([
      head(1, 'ARG TAG=1'),
      head(2, 'FROM busybox:1'),
      head(3, 'RUN echo a &&     false'),
      ...noise,
      out('last'),
      { error: code.message, errorDetail: code },
    ]);
    expect(error).to.be.instanceOf(BuildFailedError);
    const failure = error as BuildFailedError;
    expect(failure).to.include({ code: 'BUILD_FAILED', exitCode: 3, step: 'RUN echo a &&     false' });
    expect(failure.location).to.deep.equal({ line: 5, column: 1, endLine: 6, lineText: 'RUN echo a && \\' });
    expect(failure.output).to.have.length(20);
    expect(failure.output.at(-1)).to.equal('last');
    expect(failure.message).to.match(
      /^building linux\/arm\/v7 failed at line 5 \(RUN echo a && {5}false\): exit code 3\n/,
    );
    expect(events.at(-1)).to.equal('step-3 failed: RUN echo a &&     false');
  });

  it('a step that fails without a program keeps the reason', () => {
    const message =
      'COPY failed: file not found in build context or excluded by .dockerignore: stat x: file does not exist';
    const { error } = follow([head(1, 'COPY x y'), { error: message, errorDetail: { message } }]);
    expect((error as BuildFailedError).message).to.equal(
      `building linux/arm/v7 failed at line 2 (COPY x y): ${message}`,
    );
    expect((error as BuildFailedError).exitCode).to.equal(undefined);
  });

  const hints: readonly [string, string][] = [
    ['exec /bin/sh: exec format error', 'mabuild doctor'],
    ['write /x: no space left on device', 'docker system prune'],
    ["The command 'x' returned a non-zero code: 137", 'memory'],
  ];
  for (const [message, hint] of hints)
    it(`${message}: hints at ${hint}`, () => {
      expect((follow([head(1, 'RUN x'), { error: message }]).error as BuildFailedError).hint).to.contain(
        hint,
      );
    });

  const steps: readonly [number, number | undefined][] = [
    [1, 2],
    [2, 3],
    [3, 5],
    [4, undefined],
    [0, undefined],
  ];
  for (const [step, line] of steps)
    it(`step ${step} stands at line ${line}`, () =>
      expect(locationOfStep(dockerfile, step)?.line).to.equal(line));
});
