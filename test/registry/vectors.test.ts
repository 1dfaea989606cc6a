import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { sharedDescribe, sharedPath } from '../support/shared.ts';
import { repositoryRoot } from '../support/sources.ts';

sharedDescribe('vectors/registry', () => {
  it('are all run by a test', () => {
    const files = readdirSync(sharedPath('vectors/registry')).filter((name) => name.endsWith('.json'));
    const tests = readdirSync(join(repositoryRoot, 'test'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => readFileSync(join(repositoryRoot, 'test', name), 'utf8'));
    const run = (file: string): boolean =>
      tests.some((text) => text.includes('registryVectors') && text.includes(`'${file}'`));
    expect(files.filter((file) => !run(file))).to.deep.equal([]);
    expect(files.length).to.be.greaterThan(13);
  });
});
