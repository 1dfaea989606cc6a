import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openSecrets } from '../../../packages/cli/src/sdk/build/secrets.ts';

describe('secrets of a build', () => {
  it('are the same for every RUN, also when they come from a pipe', async function () {
    if (process.platform === 'win32') this.skip();
    const directory = await mkdtemp(join(tmpdir(), 'mabuild-secrets-'));
    try {
      const pipe = join(directory, 'pipe');
      execFileSync('mkfifo', [pipe]);
      const site = {
        environment: { variables: {}, workingDirectory: directory },
        temporaryDirectory: directory,
      };
      const { secrets, close } = await openSecrets({ secrets: { token: { file: 'pipe' } } }, site);
      const read = async (): Promise<string> =>
        Buffer.from((await secrets?.secret('token')) ?? []).toString();
      const reads = [read(), read()];
      await writeFile(pipe, 'hidden');
      expect(await Promise.all(reads)).to.deep.equal(['hidden', 'hidden']);
      expect(await read()).to.equal('hidden');
      close();
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
