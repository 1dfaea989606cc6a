import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { terminalProgress } from '../../packages/cli/src/progress/terminal.ts';
import { paintFor } from '../../packages/cli/src/text/paint.ts';

describe('progress on a terminal', () => {
  it('is drawn once more when it ends, however often it is closed, and never after', async () => {
    const stream = new PassThrough();
    const progress = terminalProgress(stream, paintFor({ isTTY: false, color: false, environment: {} }));
    const platform = { os: 'linux', architecture: 'arm64' };
    progress.onEvent({ type: 'step', platform, id: '1', name: 'RUN true', state: 'started' });
    progress.close();
    progress.close();
    progress.onEvent({ type: 'step', platform, id: '2', name: 'RUN false', state: 'started' });
    progress.close();
    stream.end();
    expect((await text(stream)).match(/RUN/g)).to.have.length(1);
  });
});
