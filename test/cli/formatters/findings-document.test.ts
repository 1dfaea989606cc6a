import { expect } from 'chai';
import { findingsDocument } from '../../../packages/cli/src/formatters/findings-document.ts';
import { fileFindings, findingAt } from '../../support/findings.ts';

describe('findings as JSON', () => {
  it('have the shape that docs/cli.md promises', () => {
    const text = 'FROM a\nRUN b-amd64 \\\n  c\n';
    const file = fileFindings(text, [
      findingAt(text, 'amd64', { to: '${arch}', hint: 'h' }),
      findingAt(text, 'b-amd64 \\\n  c', { severity: 'warning' }),
    ]);
    const place = { line: 2, column: 7, endLine: 2, endColumn: 12 };
    const both = ['linux/arm64', 'linux/arm/v7'];
    expect(findingsDocument([file], both)).to.deep.equal({
      version: 1,
      platforms: both,
      files: [
        {
          path: 'Dockerfile',
          findings: [
            {
              rule: 'known-asset-x86-url',
              severity: 'error',
              platforms: both,
              message: 'the download is for x86',
              hint: 'h',
              ...place,
              fix: 'auto',
              edits: [{ ...place, newText: '${arch}' }],
            },
            {
              rule: 'known-asset-x86-url',
              severity: 'warning',
              platforms: both,
              message: 'the download is for x86',
              line: 2,
              column: 5,
              endLine: 3,
              endColumn: 4,
              fix: 'none',
              edits: [],
            },
          ],
        },
      ],
      summary: { error: 1, warning: 1, info: 0 },
    });
  });
});
