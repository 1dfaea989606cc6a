import { expect } from 'chai';
import { BuildFailedError } from '../../../../packages/core/src/engines/build-failed.ts';
import {
  BuildkitFollower,
  lineOfVertex,
} from '../../../../packages/core/src/engines/docker/buildkit-follower.ts';
import { readSolveStatus } from '../../../../packages/core/src/engines/docker/buildkit-status.ts';
import type { EngineMessage } from '../../../../packages/core/src/engines/docker/messages.ts';
import { engineBuild, followed } from '../../../support/engine-build.ts';
import { field } from '../../../support/grpc-peer.ts';

const dockerfile = [
  '# a comment',
  'ARG TAG=1',
  'FROM busybox:$TAG AS Build',
  'ARG X=1',
  'WORKDIR /src',
  'COPY . .',
  'RUN make \\',
  '    all',
  '',
  'FROM busybox',
  'LABEL a=b',
  'COPY --from=build /src/app /app',
  'RUN ["app", "--check"]',
  '',
].join('\n');

const build = engineBuild('linux/arm/v7', dockerfile, { builder: 'buildkit' });

/** moby.buildkit.v1.Vertex. */
function vertex(
  digest: string,
  name: string,
  more: { cached?: boolean; started?: number; completed?: number; error?: string } = {},
): Buffer {
  const { cached, started, completed, error } = more;
  const time = (seconds: number): Buffer => field(1, seconds);
  return field(
    1,
    Buffer.concat([
      field(1, digest),
      ...(name === '' ? [] : [field(3, name)]),
      ...(cached ? [field(4, 1)] : []),
      ...(started === undefined ? [] : [field(5, time(started))]),
      ...(completed === undefined ? [] : [field(6, time(completed))]),
      ...(error === undefined ? [] : [field(7, error)]),
    ]),
  );
}

const log = (digest: string, text: string, stream = 1): Buffer =>
  field(3, Buffer.concat([field(1, digest), field(3, stream), field(4, text)]));
const trace = (...parts: readonly Buffer[]): EngineMessage => ({
  id: 'moby.buildkit.trace',
  aux: Buffer.concat(parts).toString('base64'),
});
const image: EngineMessage = { id: 'moby.image.id', aux: { ID: 'sha256:full' } };

const follow = (...messages: readonly EngineMessage[]) =>
  followed((emit) => new BuildkitFollower(build, emit), messages);

describe("BuildKit's status", () => {
  it('is read in full', () => {
    const bytes = Buffer.concat([
      vertex('sha256:a', 'RUN x', { cached: true, started: 5, completed: 7 }),
      vertex('sha256:b', '', { error: 'no' }),
      field(2, Buffer.concat([field(1, 'layer'), field(2, 'sha256:a'), field(4, 3), field(5, 9)])),
      log('sha256:a', 'out\n', 2),
      field(4, Buffer.concat([field(1, 'sha256:a'), field(3, 'careful')])),
      field(99, 'from the future'),
    ]);
    expect(readSolveStatus(bytes)).to.deep.equal({
      vertexes: [
        { digest: 'sha256:a', name: 'RUN x', cached: true, started: 5000, completed: 7000, error: '' },
        {
          digest: 'sha256:b',
          name: '',
          cached: false,
          started: undefined,
          completed: undefined,
          error: 'no',
        },
      ],
      statuses: [{ id: 'layer', vertex: 'sha256:a', current: 3, total: 9 }],
      logs: [{ vertex: 'sha256:a', stream: 2, message: Buffer.from('out\n') }],
      warnings: [{ vertex: 'sha256:a', text: 'careful' }],
    });
  });

  it('is refused when it breaks off', () => {
    expect(() => readSolveStatus(vertex('sha256:a', 'RUN x').subarray(0, -1)))
      .to.throw()
      .with.property('code', 'ENGINE_ANSWER_INVALID');
  });
});

describe('following BuildKit', () => {
  const rows: readonly [string, readonly EngineMessage[], readonly string[]][] = [
    [
      'a step that runs',
      [
        trace(vertex('v', 'RUN x')),
        trace(vertex('v', 'RUN x', { started: 1 })),
        trace(log('v', 'hel'), log('v', 'lo\nwor')),
        trace(log('v', 'ld\n')),
        trace(vertex('v', '', { started: 1, completed: 3 })),
        trace(vertex('v', '', { started: 1, completed: 3 })),
      ],
      ['v started: RUN x', 'v stdout: hello', 'v stdout: world', 'v done: RUN x'],
    ],
    [
      'a cached step',
      [trace(vertex('v', 'RUN x', { cached: true, started: 1, completed: 1 }))],
      ['v started: RUN x', 'v cached: RUN x'],
    ],
    [
      'a last line that is not ended',
      [
        trace(vertex('v', 'RUN x', { started: 1 }), log('v', 'bye', 2)),
        trace(vertex('v', '', { completed: 2 })),
      ],
      ['v started: RUN x', 'v stderr: bye', 'v done: RUN x'],
    ],
    [
      'a status and a warning',
      [trace(field(2, Buffer.concat([field(1, 'pull'), field(2, 'v')])), field(4, field(3, 'old syntax')))],
      ['v pull 0/0', 'warning: old syntax'],
    ],
    ['messages of other kinds', [{ stream: 'x' }, { id: 'moby.buildkit.trace', aux: { no: 'text' } }], []],
  ];
  for (const [what, messages, expected] of rows)
    it(`tells of ${what}`, () => {
      const { events, id, error } = follow(...messages, image);
      expect(error).to.equal(undefined);
      expect(events).to.deep.equal(expected);
      expect(id).to.equal('sha256:full');
    });

  it('says when a build ends without an image', () => {
    expect(follow().error).to.have.property('code', 'ENGINE_ANSWER_INVALID');
  });

  it('names line, exit code and output of a step that failed', () => {
    const why = 'executor failed running [/bin/sh -c make all]: exit code: 2';
    const { error } = follow(
      trace(
        vertex('v', '[build 4/4] RUN make     all', { started: 1 }),
        vertex('w', '[stage-1 2/3] COPY --from=build /src/app /app', { error: 'context canceled' }),
      ),
      trace(log('v', 'no rule\nto make', 2)),
      trace(vertex('v', '', { started: 1, completed: 2, error: why })),
      { errorDetail: { code: 2, message: why }, error: why },
    );
    expect(error).to.be.instanceOf(BuildFailedError);
    const failed = error as BuildFailedError;
    expect(failed.message).to.match(
      /^building linux\/arm\/v7 failed at line 7 .*: exit code 2\n {2}no rule\n {2}to make$/,
    );
    expect(failed).to.deep.include({ exitCode: 2, output: ['no rule', 'to make'] });
  });

  it('gives the reason as it is when no step failed', () => {
    const { error } = follow({ errorDetail: { message: 'dockerfile parse error line 3: unknown flag' } });
    expect((error as Error).message).to.equal(
      'building linux/arm/v7 failed: dockerfile parse error line 3: unknown flag',
    );
  });
});

describe('the line that a step of BuildKit means', () => {
  const rows: readonly [string, number | undefined][] = [
    ['[build 1/4] FROM docker.io/library/busybox:1', 3],
    ['[build 2/4] WORKDIR /src', 5],
    ['[build 3/4] COPY . .', 6],
    ['[build 4/4] RUN make     all', 7],
    ['[stage-1 1/3] FROM docker.io/library/busybox', 10],
    ['[stage-1 2/3] COPY --from=build /src/app /app', 12],
    ['[stage-1 3/3] RUN ["app", "--check"]', 13],
    ['[2/3] COPY --from=build /src/app /app', 12],
    ['[linux/arm/v7 build 4/4] RUN make     all', 7],
    ['[linux/arm64 3/3] RUN ["app", "--check"]', 13],
    // A trigger of the base shifts what comes after.
    ['[build 5/5] RUN make all', 7],
    ['[build 2/5] RUN echo from-a-trigger', undefined],
    ['[build 9/9] RUN something else', undefined],
    ['[other 2/3] COPY . .', undefined],
    ['[stage-7 2/3] COPY . .', undefined],
    ['[internal] load build context', undefined],
    ['[internal] load metadata for docker.io/library/busybox:1', undefined],
    ['exporting to image', undefined],
    ['', undefined],
  ];
  for (const [name, expected] of rows)
    it(`${name || 'no name'} → ${expected ?? 'none'}`, () => {
      expect(lineOfVertex(dockerfile, name)).to.equal(expected);
    });

  it('is none in a Dockerfile that cannot be read', () => {
    expect(lineOfVertex('FROM busybox\nNONSENSE x\n', '[1/2] FROM busybox')).to.equal(undefined);
  });
});
