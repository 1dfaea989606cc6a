import { expect } from 'chai';
import { formatGithub } from '../../../packages/cli/src/formatters/github.ts';
import { fileFindings, findingAt } from '../../support/findings.ts';

const text = 'FROM a\nRUN b-amd64 \\\n  c\n';
const one = findingAt(text, 'amd64', { message: 'm' });

describe('findings as workflow commands of GitHub', () => {
  const table: readonly (readonly [string, ReturnType<typeof fileFindings>, string])[] = [
    [
      'an error with a hint',
      fileFindings(text, [{ ...one, hint: 'h' }]),
      '::error file=Dockerfile,line=2,endLine=2,col=7,endColumn=12,title=mabuild known-asset-x86-url::m (linux/arm64, linux/arm/v7)%0Ahint: h',
    ],
    [
      'a warning over two lines, which has no columns',
      fileFindings(text, [findingAt(text, 'b-amd64 \\\n  c', { severity: 'warning', message: 'm' })]),
      '::warning file=Dockerfile,line=2,endLine=3,title=mabuild known-asset-x86-url::m (linux/arm64, linux/arm/v7)',
    ],
    [
      'a note',
      fileFindings(text, [{ ...one, severity: 'info' }]),
      '::notice file=Dockerfile,line=2,endLine=2,col=7,endColumn=12,title=mabuild known-asset-x86-url::m (linux/arm64, linux/arm/v7)',
    ],
    [
      'a path with what commands are made of',
      fileFindings(text, [one], { path: 'a,b:c%d::error' }),
      '::error file=a%2Cb%3Ac%25d%3A%3Aerror,line=2,endLine=2,col=7,endColumn=12,title=mabuild known-asset-x86-url::m (linux/arm64, linux/arm/v7)',
    ],
    [
      'a message that would be a second command',
      fileFindings(text, [{ ...one, message: '100%\r\n::set-output name=x::y' }]),
      '::error file=Dockerfile,line=2,endLine=2,col=7,endColumn=12,title=mabuild known-asset-x86-url::100%25␍%0A::set-output name=x::y (linux/arm64, linux/arm/v7)',
    ],
  ];
  for (const [name, file, line] of table) {
    it(name, () => {
      expect(formatGithub([file])).to.equal(`${line}\n`);
    });
  }

  it('are nothing when there is nothing to say', () => {
    expect(formatGithub([fileFindings(text, [])])).to.equal('');
  });
});
