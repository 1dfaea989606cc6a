import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { checkDockerfile, type Finding, parseDockerfile, type Rule, recommendedRules } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { type SarifOptions, sarifLog } from '../../../packages/cli/src/formatters/sarif.ts';
import type { FileFindings } from '../../../packages/cli/src/sdk/check/file-findings.ts';
import { fileFindings, findingAt } from '../../support/findings.ts';
import { hasShared, sharedPath } from '../../support/shared.ts';

const require = createRequire(import.meta.url);

/** The parts of a log that the tests look at. */
interface Log {
  readonly runs: readonly [
    {
      readonly columnKind: string;
      readonly tool: {
        readonly driver: { readonly rules: readonly { readonly id: string; readonly help: object }[] };
      };
      readonly results: readonly {
        readonly ruleId: string;
        readonly ruleIndex: number;
        readonly level: string;
        readonly message: { readonly text: string };
        readonly partialFingerprints: Readonly<Record<string, string>>;
        readonly locations: readonly [
          { readonly physicalLocation: { readonly artifactLocation: object; readonly region: object } },
        ];
        readonly fixes?: readonly {
          readonly artifactChanges: readonly {
            readonly replacements: readonly {
              readonly deletedRegion: Readonly<
                Record<'startLine' | 'startColumn' | 'endLine' | 'endColumn', number>
              >;
              readonly insertedContent?: { readonly text: string };
            }[];
          }[];
        }[];
        readonly properties: object;
      }[];
    },
  ];
}

const text = 'FROM a\nRUN b-amd64 \\\n  c\n';
const rules: readonly Rule[] = [
  {
    name: 'other',
    summary: 'Another.',
    check: async () => [],
  },
  {
    name: 'known-asset-x86-url',
    summary: 'It is for x86.',
    page: { why: 'Because.', bad: 'RUN ```', good: 'RUN true' },
    check: async () => [],
  },
];

function log(findings: readonly Finding[], options: SarifOptions = { rules }, path = 'Dockerfile'): Log {
  return sarifLog([fileFindings(text, findings, { path })], options) as Log;
}

describe('findings as SARIF', () => {
  const validate = validator();
  const one = findingAt(text, 'amd64', { to: '${arch}', hint: 'h' });

  it('say rule, level, message, place, fix and platforms of each', () => {
    const { results, tool, columnKind } = log([one]).runs[0];
    const place = { startLine: 2, startColumn: 7, endLine: 2, endColumn: 12 };
    const artifactLocation = { uri: 'Dockerfile', uriBaseId: 'SRCROOT' };
    expect(columnKind).to.equal('utf16CodeUnits');
    expect(results[0]).to.deep.include({
      ruleId: 'known-asset-x86-url',
      ruleIndex: 1,
      level: 'error',
      message: { text: 'the download is for x86\nh' },
      locations: [{ physicalLocation: { artifactLocation, region: place } }],
      fixes: [
        {
          description: { text: 'h' },
          artifactChanges: [
            {
              artifactLocation,
              replacements: [{ deletedRegion: place, insertedContent: { text: '${arch}' } }],
            },
          ],
        },
      ],
      properties: { platforms: ['linux/arm64', 'linux/arm/v7'], fix: 'auto' },
    });
    expect(tool.driver.rules[1]).to.deep.include({
      id: 'known-asset-x86-url',
      shortDescription: { text: 'It is for x86.' },
      help: {
        text: 'It is for x86.\n\nBecause.\n\n`mabuild rules known-asset-x86-url` shows examples.',
        markdown:
          'It is for x86.\n\nBecause.\n\nBad:\n\n````dockerfile\nRUN ```\n````\n\nGood:\n\n```dockerfile\nRUN true\n```\n',
      },
    });
  });

  const logs: readonly (readonly [string, Log])[] = [
    ['nothing', log([])],
    ['a fix', log([one])],
    ['every severity', log([one, { ...one, severity: 'warning' }, { ...one, severity: 'info' }])],
    [
      'insertions and removals',
      log([
        {
          ...one,
          edits: [
            { start: 0, end: 0, newText: 'ARG A\n' },
            { start: 7, end: 11, newText: '' },
          ],
        },
      ]),
    ],
    ['a rule that nobody knows', log([{ ...one, rule: 'syntax' }])],
    ['an empty text', sarifLog([fileFindings('', [findingAt('', '')])], { rules }) as Log],
    ['a strange path', log([one], { rules }, 'a b/ü%\\"\ud800/Dockerfile')],
    ['the rules that there are', log([one], { platforms: ['linux/arm64'] })],
  ];
  for (const [name, made] of logs) {
    it(`obey the schema of SARIF 2.1.0: ${name}`, () => {
      expect(validate(made)).to.deep.equal([]);
      const { results, tool } = made.runs[0];
      for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex]?.id).to.equal(ruleId);
    });
  }

  it('the schema refuses what is none', () => {
    expect(validate({ version: '2.1.0', runs: [{ results: [] }] })).to.not.deep.equal([]);
  });

  describe('of every file of the corpora', () => {
    let files: readonly FileFindings[];
    before(async function () {
      if (!hasShared()) this.skip();
      const platforms = parsePlatformList('linux/arm64,linux/arm/v7');
      files = await Promise.all(
        dockerfilesOf(sharedPath('corpus', 'siblings')).map(async (path) => {
          const dockerfile = parseDockerfile(readFileSync(path, 'utf8'), { file: path });
          return { path, dockerfile, findings: await checkDockerfile(dockerfile, { platforms }) };
        }),
      );
      expect(files.length).to.be.greaterThan(100);
    });

    it('obey the schema', () => {
      expect(validate(sarifLog(files, { rules: recommendedRules }))).to.deep.equal([]);
    });

    it('have fixes that make of the file what the edits make of it', () => {
      for (const file of files) {
        const { results } = (sarifLog([file]) as Log).runs[0];
        for (const [index, { edits }] of file.findings.entries()) {
          const replacements = results[index]?.fixes?.[0]?.artifactChanges[0]?.replacements ?? [];
          const again = replacements.map(({ deletedRegion: place, insertedContent }) => ({
            start: offsetOf(file.dockerfile.text, place.startLine, place.startColumn),
            end: offsetOf(file.dockerfile.text, place.endLine, place.endColumn),
            newText: insertedContent?.text ?? '',
          }));
          expect(again, file.path).to.deep.equal(
            edits.map(({ start, end, newText }) => ({ start, end, newText })),
          );
        }
      }
    });
  });

  const paths: readonly (readonly [string, string | undefined, object])[] = [
    ['Dockerfile', '/repo', { uri: 'Dockerfile', uriBaseId: 'SRCROOT' }],
    ['a b/ü#?.Dockerfile', '/repo', { uri: 'a%20b/%C3%BC%23%3F.Dockerfile', uriBaseId: 'SRCROOT' }],
    ['c:d/Dockerfile', undefined, { uri: 'c%3Ad/Dockerfile', uriBaseId: 'SRCROOT' }],
    ['./x/../Dockerfile', '/repo', { uri: 'Dockerfile', uriBaseId: 'SRCROOT' }],
    ['/repo/x/Dockerfile', '/repo', { uri: 'x/Dockerfile', uriBaseId: 'SRCROOT' }],
    ['../y z/Dockerfile', '/repo', { uri: 'file:///y%20z/Dockerfile' }],
    ['/y/Dockerfile', '/repo', { uri: 'file:///y/Dockerfile' }],
    ['/y/Dockerfile', undefined, { uri: 'file:///y/Dockerfile' }],
    ['-', '/repo', { uri: 'stdin' }],
  ];
  for (const [path, directory, location] of paths) {
    it(`name ${path} of ${directory ?? 'no folder'} as SARIF does`, () => {
      const made = log([one], { rules, directory }, path);
      expect(made.runs[0].results[0]?.locations[0].physicalLocation.artifactLocation).to.deep.equal(location);
    });
  }

  it('have fingerprints that stay when lines above change, and differ between equal lines', () => {
    const prints = (before: string): (string | undefined)[] => {
      const moved = `${before}RUN amd64\nRUN amd64\n`;
      const first = findingAt(moved, 'amd64');
      const second = { ...first, range: { start: first.range.start + 10, end: first.range.end + 10 } };
      const made = sarifLog([fileFindings(moved, [first, second])], { rules }) as Log;
      return made.runs[0].results.map((result) => result.partialFingerprints['mabuildFinding/v1']);
    };
    expect(prints('FROM a\n')).to.deep.equal(prints('# x\n\nFROM a\n'));
    expect(new Set(prints('FROM a\n')).size).to.equal(2);
  });
});

function dockerfilesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('Dockerfile'))
    .map((name) => join(folder, name));
}

/** The UTF-16 offset of a line and column from 1; a byte order mark takes no column. */
function offsetOf(text: string, line: number, column: number): number {
  let start = text.startsWith('\ufeff') ? 1 : 0;
  for (let left = line; left > 1; left -= 1) start = text.indexOf('\n', start) + 1;
  return start + column - 1;
}

/** Says what of a document the schema of SARIF 2.1.0 refuses. */
function validator(): (document: object) => readonly unknown[] {
  const { default: Ajv } = require('ajv-draft-04');
  const { default: addFormats } = require('ajv-formats');
  const schema = JSON.parse(
    readFileSync(require.resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'), 'utf8'),
  );
  // A pattern of the schema is none that a regular expression with the flag u may be.
  const ajv = new Ajv({ allErrors: true, strict: false, unicodeRegExp: false });
  addFormats(ajv);
  const check = ajv.compile(schema);
  return (document) => (check(JSON.parse(JSON.stringify(document))) ? [] : check.errors);
}
