import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { runNode } from '../support/node.ts';
import { makePlatform, onlyImage, publish } from '../support/published.ts';
import { repositoryRoot } from '../support/sources.ts';

describe('examples/merge-digests.ts', () => {
  it('joins what three runners pushed, one of them with docker', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mabuild-example-'));
    const registry = await startTestRegistry();
    try {
      const name = `${registry.host}/app`;
      const push = async (platform: string): Promise<string> =>
        publish(await onlyImage(makePlatform(platform)), name);
      const [amd64, arm64, arm] = [
        await push('linux/amd64'),
        await push('linux/arm64'),
        await push('linux/arm/v7'),
      ];
      const digests = join(directory, 'digests');
      await mkdir(join(digests, 'digests-arm64'), { recursive: true });
      await writeFile(
        join(digests, 'amd64.json'),
        JSON.stringify({
          version: 1,
          reference: name,
          digest: amd64,
          'containerimage.digest': amd64,
          'image.name': name,
        }),
      );
      await writeFile(join(digests, 'digests-arm64', arm64.replace('sha256:', '')), '');
      await writeFile(join(digests, 'arm.txt'), `${name}@${arm}\n`);
      const program = join(repositoryRoot, 'examples/merge-digests.ts');
      const result = await runNode(
        ['--conditions=@mabuild/source', '--import=tsx', program, `${name}:1`, digests],
        { cwd: repositoryRoot, env: { HOME: directory, MABUILD_CACHE: join(directory, 'cache') } },
      );
      expect(result.stderr).to.equal('');
      expect(result.stdout.trim().split('\n')).to.deep.equal([
        `linux/amd64 ${amd64}`,
        `linux/arm/v7 ${arm}`,
        `linux/arm64 ${arm64}`,
        `${name}:1@${registry.tagOf('app', '1')}`,
      ]);
      expect(result.status).to.equal(0);
    } finally {
      await registry.close();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
