import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { runNode } from '../support/node.ts';
import { writeTo } from '../support/registry-images.ts';
import { repositoryRoot } from '../support/sources.ts';

describe('examples/copy-image.ts', () => {
  it('copies every platform between registries', async () => {
    const home = await mkdtemp(join(tmpdir(), 'mabuild-example-'));
    const [from, to] = [await startTestRegistry(), await startTestRegistry()];
    try {
      const app = writeTo(from, 'app');
      const entries = ['linux/amd64', 'linux/arm/v7'].map((platform) => app.image(platform, platform));
      const index = app.index('1', entries);
      const program = join(repositoryRoot, 'examples/copy-image.ts');
      const result = await runNode(
        [
          '--conditions=@mabuild/source',
          '--import=tsx',
          program,
          `${from.host}/app:1`,
          `${to.host}/copied:2`,
        ],
        { cwd: repositoryRoot, env: { HOME: home, MABUILD_CACHE: join(home, 'cache') } },
      );
      expect(result.stderr).to.equal('');
      expect(result.stdout).to.equal(
        `${to.host}/copied:2@${index.digest}\n` +
          `linux/amd64 ${entries[0]?.digest}\nlinux/arm/v7 ${entries[1]?.digest}\n`,
      );
      expect(to.tagOf('copied', '2')).to.equal(index.digest);
    } finally {
      await from.close();
      await to.close();
      await rm(home, { recursive: true, force: true });
    }
  });
});
