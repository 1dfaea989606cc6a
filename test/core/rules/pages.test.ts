import type { Rule } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { findInExample, knownRules } from '../../../packages/cli/src/sdk/check/rules.ts';

const platforms = 'linux/arm64,linux/arm/v7';

describe('the pages of the rules', () => {
  for (const rule of knownRules) {
    const { name, summary, page } = rule;
    it(`${name} has a page, a summary of one line, and a name in kebab-case`, () => {
      expect(name).to.match(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(summary).to.match(/^\S.{9,118}\.$/);
      expect(page, 'no page').to.not.equal(undefined);
      expect(page?.why).to.match(/^\S[^\n]+[^\s]$/);
    });
    if (!page) continue;
    it(`${name} finds what its page calls bad`, async () => {
      expect(await found(rule, page.bad, platforms)).to.include(name);
    });
    it(`${name} is silent on what its page calls good`, async () => {
      expect(await found(rule, page.good, platforms)).to.not.include(name);
    });
    const { perArch } = page;
    if (!perArch) continue;
    it(`${name} is silent on its page's file for ${perArch.platform}`, async () => {
      expect(await found(rule, perArch.text, perArch.platform)).to.not.include(name);
    });
  }

  it('no two rules have one name', () => {
    expect(new Set(knownRules.map((rule) => rule.name)).size).to.equal(knownRules.length);
  });
});

async function found(rule: Rule, text: string, list: string): Promise<readonly string[]> {
  return (await findInExample(rule, text, parsePlatformList(list))).map((finding) => finding.rule);
}
