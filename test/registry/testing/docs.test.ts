import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { profiles } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { runNode } from '../../support/node.ts';
import { repositoryRoot } from '../../support/sources.ts';

describe('docs/test-registry.md', () => {
  let page: string;
  before(async () => {
    page = await readFile(join(repositoryRoot, 'docs/test-registry.md'), 'utf8');
  });

  it('shows a program that runs', async () => {
    const program = /^```js\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? '';
    const flags = ['--conditions=@mabuild/source', '--import=tsx', '--input-type=module', '-e', program];
    // Packages are found from the folder of one that has them.
    const result = await runNode(flags, { cwd: join(repositoryRoot, 'packages/registry') });
    expect(result.stderr).to.equal('');
    expect(result.stdout).to.match(/^true\n/);
    expect(result.stdout).to.match(/'tag-head 503',\s+'tag-head 401',\s+'token 200',\s+'tag-head 200'/);
  });

  for (const file of ['behaviour', 'fault', 'test-registry']) {
    it(`names every option of ${file}.ts`, async () => {
      const source = join(repositoryRoot, `packages/registry/src/testing/${file}.ts`);
      const text = await readFile(source, 'utf8');
      const options = [...text.matchAll(/^ {2}readonly (\w+)\?:/gm)].map((match) => `\`${match[1]}\``);
      expect(options).to.have.length.greaterThan(5);
      expect(options.filter((option) => !page.includes(option))).to.deep.equal([]);
    });
  }

  it('names every profile', () => {
    expect(Object.keys(profiles).filter((name) => !page.includes(`\`${name}\``))).to.deep.equal([]);
  });
});
