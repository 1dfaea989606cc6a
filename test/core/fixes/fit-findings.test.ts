import { checkDockerfile, type Dockerfile, type Finding, migrateDockerfile, type Rule } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import type { Variation } from '../../../packages/core/src/fixes/variation.ts';

const platforms = parsePlatformList('linux/arm64,linux/arm/v7');

/** A rule that finds a word in what no fix has been made of yet. */
function ruleOf(
  name: string,
  word: string,
  find: (at: number, variation: Variation) => Partial<Finding>,
): Rule {
  return {
    name,
    summary: name,
    async check(dockerfile) {
      return variationsOf(dockerfile, word).map((variation): Finding => {
        const range = variation.site.pieces[0] ?? { start: 0, end: 0 };
        const found = { rule: name, severity: 'error', platforms, message: word, range, edits: [] } as const;
        return { fix: 'auto', ...found, ...find(range.start, variation) };
      });
    },
  };
}

function variationsOf({ stages, text }: Dockerfile, word: string): readonly Variation[] {
  return stages
    .filter(({ name }) => !name?.includes('-a'))
    .flatMap((stage) =>
      stage.instructions.flatMap((instruction) => {
        const at = text.indexOf(word, instruction.range.start);
        if (at < 0 || at > instruction.range.end || instruction.logical.text.includes('case ')) return [];
        const shell = instruction.keyword === 'RUN';
        const pieces = [{ start: at, end: at + word.length }];
        return {
          site: { stage, instruction, pieces, quoting: 'none' as const, shell },
          text: word,
          texts: { 'linux/arm64': 'arm64', 'linux/arm/v7': 'armv7l' },
          name: 'arch',
        };
      }),
    );
}

const varies = ruleOf('varies', 'x64', (_, variation) => ({ variations: [variation] }));
const dropped = ruleOf('dropped', 'ia32', (_, variation) => ({
  variations: [{ ...variation, texts: { 'linux/arm64': '', 'linux/arm/v7': '' } }],
}));
const same = ruleOf('same', 'old', (start) => ({ edits: [{ start, end: start + 3, newText: 'new' }] }));
/** Both of one place, in different words. */
const rival = ruleOf('rival', 'x64', (_, variation) => ({
  variations: [{ ...variation, texts: { 'linux/arm64': 'other', 'linux/arm/v7': 'other' } }],
}));
const spaced = ruleOf('spaced', ' \\\n  ia32', (start) => ({
  edits: [{ start, end: start + 1, newText: '' }],
}));

/** Puts stages of its own above a FROM. */
const base: Rule = {
  name: 'base',
  summary: 'base',
  async check({ text }) {
    const start = text.indexOf('FROM vendor');
    if (start < 0) return [];
    const range = { start, end: start + 11 };
    const stages = 'FROM v AS app-amd64\nFROM w AS app-arm64\nFROM w AS app-armv7\n';
    const edits = [
      { start, end: start, newText: stages },
      { start: start + 5, end: start + 11, newText: 'app-${TARGETARCH}${TARGETVARIANT}' },
    ];
    return [{ rule: 'base', severity: 'error', fix: 'auto', platforms, message: '', range, edits }];
  },
};

const arms = '      arm64*) arch=arm64 ;; \\\n      armv7*) arch=armv7l ;; \\\n';
const fallback =
  '      *) echo "unsupported platform: ${TARGETARCH:-none, build with BuildKit}$TARGETVARIANT" >&2; exit 1 ;; \\\n    esac; \\\n    ';
const head = `case "$TARGETARCH$TARGETVARIANT" in \\\n      amd64*) arch=x64 ;; \\\n${arms}${fallback}`;
const args = 'ARG TARGETARCH\nARG TARGETVARIANT\n';

const rows: readonly (readonly [
  title: string,
  rules: readonly Rule[],
  before: string,
  portable: string,
  armv7: string,
])[] = [
  [
    'edits beside a span',
    [same, varies],
    'FROM a\nRUN b old x64\n',
    `FROM a\n${args}RUN ${head}b new \${arch}\n`,
    'FROM --platform=linux/arm/v7 a\nRUN b new armv7l\n',
  ],
  [
    'an edit at the head of the RUN',
    [same, varies],
    'FROM a\nRUN old x64\n',
    `FROM a\n${args}RUN ${head}new \${arch}\n`,
    'FROM --platform=linux/arm/v7 a\nRUN new armv7l\n',
  ],
  [
    'an edit in what is repeated for each platform',
    [same, varies],
    'FROM a\nENV A=x64 B=old\n',
    'FROM a AS app-base\n\nFROM app-base AS app-amd64\nENV A=x64 B=new\n\nFROM app-base AS app-arm64\nENV A=arm64 B=new\n\nFROM app-base AS app-armv7\nENV A=armv7l B=new\n\nFROM app-${TARGETARCH}${TARGETVARIANT} AS app\n',
    'FROM --platform=linux/arm/v7 a\nENV A=armv7l B=new\n',
  ],
  [
    'two texts for one place',
    [varies, rival],
    'FROM a\nRUN b x64\n',
    `FROM a\n${args}RUN ${head.replace('arch=arm64', 'arch=other').replace('arch=armv7l', 'arch=other')}b \${arch}\n`,
    'FROM --platform=linux/arm/v7 a\nRUN b other\n',
  ],
  [
    'stages of two fixes',
    [base, varies],
    'FROM a\nFROM vendor\nENV A=x64\n',
    `FROM a
FROM v AS app-amd64
FROM w AS app-arm64
FROM w AS app-armv7
FROM app-\${TARGETARCH}\${TARGETVARIANT} AS app2-base

FROM app2-base AS app2-amd64
ENV A=x64

FROM app2-base AS app2-arm64
ENV A=arm64

FROM app2-base AS app2-armv7
ENV A=armv7l

FROM app2-\${TARGETARCH}\${TARGETVARIANT} AS app
`,
    '',
  ],
  [
    'an edit of the blanks in front of a word that goes',
    [dropped, spaced],
    'FROM a\nRUN b \\\n  ia32\n',
    '',
    'FROM --platform=linux/arm/v7 a\nRUN b\n',
  ],
];

describe('fixes of several findings', () => {
  for (const [title, rules, before, portable, armv7] of rows) {
    it(title, async () => {
      for (const [style, expected] of [
        ['portable', portable],
        ['per-arch', armv7],
      ] as const) {
        if (expected === '') continue;
        const options = { rules, platforms: style === 'portable' ? platforms : platforms.slice(1), style };
        const { files } = await migrateDockerfile(before, options);
        expect(files[0]?.text, style).to.equal(expected);
      }
    });
  }

  it('gives each finding a fix of its own', async () => {
    const findings = await checkDockerfile('FROM a\nRUN b x64\nRUN c x64\n', { rules: [varies], platforms });
    expect(findings.map(({ edits }) => edits.length)).to.deep.equal([4, 4]);
  });

  it('tells what one file cannot say', async () => {
    const [finding] = await checkDockerfile('FROM a\nARG TARGETARCH=x\nRUN b x64\n', {
      rules: [varies],
      platforms,
    });
    expect(finding).to.include({ fix: 'none' });
    expect(finding?.edits).to.deep.equal([]);
    expect(finding?.hint).to.include('the stage gives TARGETARCH or TARGETVARIANT another value');
  });
});
