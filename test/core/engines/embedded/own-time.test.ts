import { expect } from 'chai';
import type { Instruction } from '../../../../packages/core/src/dockerfile/model.ts';
import { ownTimes } from '../../../../packages/core/src/engines/embedded/own-time.ts';
import { rejection } from '../../../support/rejection.ts';

const step = {} as Instruction;

/** A promise, and what fulfils it. */
function withResolvers(): { readonly promise: Promise<string>; resolve(value: string): void } {
  let resolve: (value: string) => void = () => {};
  const promise = new Promise<string>((done) => {
    resolve = done;
  });
  return { promise, resolve: (value) => resolve(value) };
}

describe('the time of a step', () => {
  let now = 0;
  const begun = (): ReturnType<typeof ownTimes> => {
    now = 0;
    const times = ownTimes(() => now);
    times.begin(step);
    return times;
  };
  it('is that since it has begun', () => {
    const times = begun();
    now = 1500;
    expect(times.secondsOf(step)).to.equal(1.5);
  });
  it('has none of what it waits for others, were they several at once', async () => {
    const times = begun();
    const first = withResolvers();
    const second = withResolvers();
    now = 1000;
    const waits = [times.waiting(step, first.promise), times.waiting(step, second.promise)];
    now = 20_000;
    first.resolve('a');
    await waits[0];
    now = 60_000;
    second.resolve('b');
    expect(await Promise.all(waits)).to.deep.equal(['a', 'b']);
    now = 62_000;
    expect(times.secondsOf(step)).to.equal(3);
  });
  it('goes on where what it waits for fails', async () => {
    const times = begun();
    await rejection(times.waiting(step, Promise.reject(new Error('no'))));
    now = 500;
    expect(times.secondsOf(step)).to.equal(0.5);
  });
});
