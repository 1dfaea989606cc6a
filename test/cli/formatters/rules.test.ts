import type { Rule } from '@mabuild/core';
import { isMabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import {
  formatRule,
  formatRules,
  ruleMarkdown,
  rulesDocument,
} from '../../../packages/cli/src/formatters/rules.ts';
import { describeRules, findRule, requireRules } from '../../../packages/cli/src/sdk/check/rules.ts';

const rule: Rule = {
  name: 'x86-thing',
  summary: 'A thing is for x86.',
  page: {
    why: 'It breaks.',
    bad: 'RUN thing-amd64',
    good: 'ARG TARGETARCH\n\nRUN thing-$TARGETARCH',
    perArch: { platform: 'linux/arm/v7', text: 'RUN thing-armhf' },
    silent: ['When it is meant.'],
  },
  async check(dockerfile, { platforms }) {
    const start = dockerfile.text.indexOf('amd64');
    const [platform] = platforms;
    if (start < 0 || platform?.variant === 'v6') return [];
    return [
      {
        rule: 'x86-thing',
        severity: platform?.architecture === 'arm64' ? 'warning' : 'error',
        platforms,
        message: 'm',
        range: { start, end: start + 5 },
        fix: 'auto',
        edits: [],
      },
    ];
  },
};
const bare: Rule = { name: 'other', summary: 'Another.', check: async () => [] };

describe('rules', () => {
  it('are listed with what they find in their bad example', async () => {
    expect(formatRules(await describeRules([rule, bare]))).to.equal(
      [
        'RULE       SEVERITY        FIX   SUMMARY',
        'x86-thing  warning, error  auto  A thing is for x86.',
        'other      -               -     Another.',
        '',
        'mabuild rules RULE explains one.',
        '',
      ].join('\n'),
    );
  });

  it('are explained, a page each', async () => {
    const [described] = await describeRules([rule]);
    if (!described) throw new Error('nothing was described');
    expect(formatRule(described)).to.equal(
      [
        'x86-thing',
        'A thing is for x86.',
        '',
        'linux/arm64: warning',
        'linux/arm/v7: error',
        'fix: mabuild migrate makes it',
        '',
        'Why',
        '  It breaks.',
        '',
        'Bad',
        '  RUN thing-amd64',
        '',
        'Good, for every platform at once',
        '  ARG TARGETARCH',
        '',
        '  RUN thing-$TARGETARCH',
        '',
        'Good, in a file for linux/arm/v7 alone',
        '  RUN thing-armhf',
        '',
        'Says nothing',
        '  - When it is meant.',
        '',
        'To ignore it',
        '  # mabuild ignore=x86-thing because …     above the instruction',
        '  mabuild check --ignore x86-thing',
        '  ignore: [x86-thing]     in mabuild.config.yaml',
        '',
      ].join('\n'),
    );
    expect(formatRule({ name: 'a', summary: 'B.', severities: {}, fix: [] })).to.match(
      /^a\nB\.\n\nTo ignore it\n/,
    );
  });

  it('are a JSON document', async () => {
    expect(rulesDocument(await describeRules([rule]))).to.deep.equal({
      version: 1,
      rules: [
        {
          name: 'x86-thing',
          summary: 'A thing is for x86.',
          severities: { 'linux/arm64': 'warning', 'linux/arm/v7': 'error' },
          fix: ['auto'],
          page: rule.page,
        },
      ],
    });
  });

  it('are sections of Markdown', () => {
    expect(ruleMarkdown(rule))
      .to.include('Bad:\n\n```dockerfile\nRUN thing-amd64\n```\n')
      .and.include('- When it is meant.\n');
    expect(ruleMarkdown(bare)).to.equal('Another.\n');
  });

  const names = ['base-image-lacks-platform', 'known-asset-x86-url', 'x86-namespace'];
  const rules: readonly Rule[] = names.map((name) => ({ ...bare, name }));
  const wrong: readonly (readonly [string, string | undefined])[] = [
    ['x86-namespcae', 'x86-namespace'],
    ['known-asset-x68-url', 'known-asset-x86-url'],
    ['base-image-laks', 'base-image-lacks-platform'],
    ['namespace', 'x86-namespace'],
    ['BASE-IMAGE-LACKS-PLATFORM', 'base-image-lacks-platform'],
    ['zebra', undefined],
    ['', undefined],
  ];
  for (const [name, near] of wrong) {
    it(`refuse ${JSON.stringify(name)} and ${near ? `ask whether ${near} is meant` : 'say where the list is'}`, () => {
      for (const look of [
        () => findRule(name, rules),
        () => requireRules('--ignore', ['x86-namespace', name], rules),
      ]) {
        const error = thrown(look);
        if (!isMabuildError(error)) throw error;
        expect(error.code).to.equal('USAGE');
        expect(error.message).to.include(`${JSON.stringify(name)} is no rule`);
        expect(error.hint).to.equal(
          `${near ? `did you mean ${near}? ` : ''}\`mabuild rules\` lists them all`,
        );
      }
    });
  }

  it('take the names of plug-ins and of what is no Dockerfile', () => {
    expect(() => requireRules('--rule', ['syntax', 'mine'], [{ ...bare, name: 'mine' }])).to.not.throw();
  });
});

function thrown(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
