import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { machines, makeElf } from '../support/elf.ts';
import { makeImage } from '../support/made-image.ts';
import { runNode } from '../support/node.ts';
import { makePlatform, publish } from '../support/published.ts';
import { repositoryRoot } from '../support/sources.ts';

describe('examples/find-lying-images.ts', () => {
  it('names the tag, the file and the layer that lie', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mabuild-example-'));
    const registry = await startTestRegistry();
    const repository = `${registry.host}/team/app`;
    const lie = makeImage({
      platform: 'linux/arm64',
      layers: [
        [{ path: 'usr/bin/server', mode: 0o755, content: makeElf({ machine: machines.x64, type: 2 }) }],
      ],
      config: { Cmd: ['server'] },
    });
    try {
      await publish(makePlatform('linux/arm64'), `${repository}:1.0`);
      await publish(lie, `${repository}:1.1`);
      const program = join(repositoryRoot, 'examples/find-lying-images.ts');
      const result = await runNode(['--conditions=@mabuild/source', '--import=tsx', program, repository], {
        cwd: repositoryRoot,
        env: { HOME: directory },
      });
      expect(result).to.deep.include({
        stdout: `${repository}:1.1 linux/arm64: /usr/bin/server is x86-64, in layer ${lie.layers[0]?.[0]}\n`,
        stderr: 'ok    1.0\nLYING 1.1\n',
        status: 1,
      });
    } finally {
      await registry.close();
      await rm(directory, { recursive: true });
    }
  });
});
