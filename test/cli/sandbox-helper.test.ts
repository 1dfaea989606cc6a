import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { environmentOf } from '../../packages/cli/src/sdk/environment.ts';
import { sandboxOptions } from '../../packages/cli/src/sdk/sandbox.ts';

describe('the module that executes RUN', () => {
  it('is never one that lies in what is built', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mabuild-helper-'));
    try {
      const place = join(directory, 'node_modules/mabuild');
      await mkdir(place, { recursive: true });
      const exports = { './sandbox-helper': './helper.js' };
      await writeFile(join(place, 'package.json'), JSON.stringify({ name: 'mabuild', exports }));
      await writeFile(join(place, 'helper.js'), '');
      const environment = environmentOf({ workingDirectory: directory, operatingSystem: 'linux' });
      const platform = { os: 'linux', architecture: 'amd64' };
      const options = sandboxOptions(environment, { platform, helper: undefined, qemu: undefined });
      expect(options?.helper.at(-1) ?? '').not.to.include(directory);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
