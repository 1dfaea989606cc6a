import type { Finding } from '@mabuild/core';
import { expect } from 'chai';
import { findingWarning } from '../../../packages/cli/src/sdk/build/finding-warning.ts';

describe('warnings of what the plan of a build found', () => {
  const dockerfile = { text: 'FROM debian\nRUN gcc -msse4.2 a.c\n', name: 'Dockerfile' };
  const rows: readonly [string, Pick<Finding, 'rule' | 'fix'>, string][] = [
    [
      'what is mended',
      { rule: 'cpu-tuning-flag', fix: 'auto' },
      'flag (Dockerfile:2; `mabuild check` shows it, --fix mends it)',
    ],
    [
      'what people mend',
      { rule: 'cpu-tuning-flag', fix: 'none' },
      'flag (Dockerfile:2; `mabuild check` shows it)',
    ],
    ['what only the plan knows', { rule: 'base-image-substitute', fix: 'none' }, 'flag (Dockerfile:2)'],
  ];
  for (const [what, { rule, fix }, expected] of rows) {
    it(`say where and what to do: ${what}`, () => {
      const range = { start: 20, end: 28 };
      const finding: Finding = {
        ...{ rule, fix, range, message: 'flag', severity: 'error', platforms: [], edits: [] },
      };
      expect(findingWarning(finding, dockerfile)).to.equal(expected);
    });
  }
});
