import { PassThrough } from 'node:stream';
import type { BuildEvent } from '@mabuild/core';
import { expect } from 'chai';
import { plainProgress } from '../../../packages/cli/src/progress/plain.ts';
import { plainPaint } from '../../../packages/cli/src/text/paint.ts';

const platform = { os: 'linux', architecture: 'arm64' };
type StepEvent = Extract<BuildEvent, { readonly type: 'step' }>;

function step(name: string, state: StepEvent['state'], more: Partial<StepEvent> = {}): StepEvent {
  return { type: 'step', platform, id: name, name, state, ...more };
}
const log = (id: string, text: string): BuildEvent => ({ type: 'log', platform, id, stream: 'stdout', text });

function linesOf(events: readonly BuildEvent[]): readonly string[] {
  const stream = new PassThrough();
  const progress = plainProgress(stream, plainPaint);
  for (const event of events) progress.onEvent(event);
  progress.close();
  const text = String(stream.read() ?? '');
  return text.split('\n').filter((line) => line !== '');
}

describe('plain lines', () => {
  const rows: readonly [name: string, events: readonly BuildEvent[], lines: readonly string[]][] = [
    [
      'one for a cached step',
      [step('RUN make', 'started'), step('RUN make', 'cached', { seconds: 0.2 })],
      ['[linux/arm64] CACHED RUN make'],
    ],
    [
      'one for a step that took no time',
      [step('ENV A=b', 'started'), step('ENV A=b', 'done', { seconds: 0.001 })],
      ['[linux/arm64] ENV A=b'],
    ],
    [
      'two for a step that took some',
      [step('COPY . /', 'started'), step('COPY . /', 'done', { seconds: 0.3 })],
      ['[linux/arm64] COPY . /', '[linux/arm64] done in 0.3 s: COPY . /'],
    ],
    [
      'of a step before those of its output',
      [
        step('RUN a', 'started'),
        step('RUN b', 'started'),
        log('RUN b', 'hello\n'),
        step('RUN b', 'done', { seconds: 1 }),
        step('RUN a', 'failed', { error: 'exit code 1' }),
      ],
      [
        '[linux/arm64] RUN b',
        '[linux/arm64]   hello',
        '[linux/arm64] done in 1.0 s: RUN b',
        '[linux/arm64] RUN a',
        '[linux/arm64] FAILED RUN a: exit code 1',
      ],
    ],
    ['of a step that never ended', [step('RUN sleep', 'started')], ['[linux/arm64] RUN sleep']],
    [
      'of a step that was begun twice',
      [step('RUN a', 'started'), step('RUN a', 'started'), step('RUN a', 'cached')],
      ['[linux/arm64] RUN a', '[linux/arm64] CACHED RUN a'],
    ],
  ];
  for (const [name, events, lines] of rows) {
    it(name, () => expect(linesOf(events)).to.deep.equal(lines));
  }
  it('come of a step that does not end soon without waiting for its end', async () => {
    const stream = new PassThrough();
    const progress = plainProgress(stream, plainPaint);
    progress.onEvent(step('RUN sleep', 'started'));
    const [line] = await stream.take(1).toArray();
    expect(String(line)).to.equal('[linux/arm64] RUN sleep\n');
    progress.close();
  });
});
