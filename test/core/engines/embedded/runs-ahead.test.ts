import { expect } from 'chai';
import { createRunsAhead } from '../../../../packages/core/src/engines/embedded/runs-ahead.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };

describe('RUNs to come', () => {
  it('are prepared when a step is not remembered, and from then on at once', () => {
    const prepared: string[] = [];
    const ahead = createRunsAhead(({ architecture }) => prepared.push(architecture), false);
    ahead.expect(amd64, []);
    expect(prepared).to.deep.equal([]);
    ahead.begin();
    ahead.begin();
    expect(prepared).to.deep.equal(['amd64']);
    ahead.expect(arm64, []);
    expect(prepared).to.deep.equal(['amd64', 'arm64']);
  });

  it('are prepared at once where nothing is remembered', () => {
    const prepared: string[] = [];
    createRunsAhead(({ architecture }) => prepared.push(architecture), true).expect(amd64, []);
    expect(prepared).to.deep.equal(['amd64']);
  });
});
