import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { expect } from 'chai';
import { runProgram } from '../../packages/cli/src/program.ts';
import { fakeIo } from '../support/io.ts';
import { repositoryRoot } from '../support/sources.ts';

describe('docs/repositories.md', () => {
  let directory: string;
  let page: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-repository-'));
    page = await readFile(join(repositoryRoot, 'docs/repositories.md'), 'utf8');
    for (const [, name = '', text = ''] of page.matchAll(/^```\w+ file=(\S+)\n([\s\S]*?)^```$/gm)) {
      await writeFile(join(directory, name), text);
    }
  });
  after(() => rm(directory, { recursive: true }));

  it('shows what comes of its files', async () => {
    const shown = [...page.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
    expect(shown).to.have.length(2);
    for (const block of shown) {
      const [command = '', ...lines] = block.trimEnd().split('\n');
      const world = fakeIo({ workingDirectory: directory, environment: { HOME: directory } });
      await runProgram(world.io, command.split(' ').slice(2));
      await tick();
      const printed = world.stdout();
      let at = 0;
      for (const part of lines.join('\n').split(/\n?…\n?/)) {
        const found = printed.indexOf(part, at);
        expect(found, `${command}: ${part}\n${printed}`).to.be.at.least(0);
        at = found + part.length;
      }
    }
  });
});
