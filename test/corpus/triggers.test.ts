import { isMabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import { optInRules, parseDockerfile, recommendedRules } from '../../packages/core/src/index.ts';
import { plainFiles, portedFiles, siblingFiles } from '../support/corpus.ts';
import { findingsOfAll } from '../support/rule-table.ts';
import { sharedDescribe } from '../support/shared.ts';

sharedDescribe('Triggers', () => {
  it('hide nothing that a rule finds in Dockerfiles as people write them when it reads every script', async () => {
    const texts = [
      ...plainFiles().map(({ text }) => text),
      ...portedFiles().flatMap(({ before, after }) => [before, after]),
      ...siblingFiles().flatMap(({ amd64, arm64, armv7 }) => [amd64, arm64 ?? '', armv7 ?? '']),
    ];
    for (const text of texts.filter(isRead)) {
      const [own, whole] = [parseDockerfile(text), parseDockerfile(text)];
      for (const rule of [...recommendedRules, ...optInRules]) {
        const found = JSON.stringify(await findingsOfAll(rule, own, {}));
        const all = JSON.stringify(await findingsOfAll(rule, whole, { thorough: true }));
        expect(found, `${rule.name}:\n${text}`).to.equal(all);
      }
    }
  }).timeout(120_000);
});

function isRead(text: string): boolean {
  try {
    parseDockerfile(text);
    return true;
  } catch (error) {
    if (isMabuildError(error)) return false;
    throw error;
  }
}
