import { type BuildEvent, runBuild } from '@mabuild/core';
import { formatPlatform, MabuildError, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { rejection } from '../support/rejection.ts';

type Options = Parameters<typeof runBuild>[1];
type Planned = Parameters<typeof runBuild>[0];

describe('a build of several platforms', () => {
  const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'].map((text) => parsePlatform(text));
  const planned = {
    tasks: platforms.map((platform) => ({
      ...{ task: { platform, strategy: 'native', engine: 'embedded' }, build: { platform } },
    })),
  } as unknown as Planned;

  /** Each waits until it is to end, but for one, which fails. */
  async function failing(jobs: number, call: Partial<Options> = {}): Promise<readonly string[]> {
    const told: string[] = [];
    const engine = {
      build: async ({ platform }: { platform: (typeof platforms)[0] }, _: unknown, { signal }: Options) => {
        if (platform.architecture === 'arm64')
          throw new MabuildError('it is broken', { code: 'BUILD_FAILED', hint: 'mend it' });
        return await new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason));
          if (jobs === 1) reject(new Error('its own'));
        });
      },
    };
    const onEvent = (event: BuildEvent): void => {
      if (event.type !== 'task' || event.state === 'started') return;
      told.push(
        [formatPlatform(event.platform), event.state, ...(event.detail ? [event.detail] : [])].join(' '),
      );
    };
    const options = { ...{ engine, context: {}, jobs, onEvent }, ...call } as unknown as Options;
    const error = await rejection(runBuild(planned, options));
    return [...told, error.message];
  }

  it('tells which one failed, and which were canceled for it', async () => {
    expect(await failing(3)).to.deep.equal([
      'linux/arm64 failed',
      'linux/amd64 canceled linux/arm64 failed',
      'linux/arm/v7 canceled linux/arm64 failed',
      'it is broken',
    ]);
  });

  it('tells of those that had not begun, too', async () => {
    expect(await failing(1)).to.deep.equal([
      'linux/amd64 failed',
      'linux/arm64 canceled linux/amd64 failed',
      'linux/arm/v7 canceled linux/amd64 failed',
      'its own',
    ]);
  });

  it('tells of none when it is interrupted as a whole', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    expect(await failing(3, { signal })).to.deep.equal(['enough']);
  });
});
