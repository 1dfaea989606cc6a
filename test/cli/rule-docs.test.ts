import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { rulesMarkdown } from '../../packages/cli/src/formatters/rules.ts';
import { describeRules } from '../../packages/cli/src/sdk/check/rules.ts';
import { repositoryRoot } from '../support/sources.ts';

describe('docs/rules.md', () => {
  it('is what scripts/build-rule-docs.mjs writes', async () => {
    const page = await readFile(join(repositoryRoot, 'docs/rules.md'), 'utf8');
    const again = 'run: node --conditions=@mabuild/source --import=tsx scripts/build-rule-docs.mjs';
    expect(page === rulesMarkdown(await describeRules()), again).to.equal(true);
  });
});
