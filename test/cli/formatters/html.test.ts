import type { Finding, Rule } from '@mabuild/core';
import { expect } from 'chai';
import { type DefaultTreeAdapterTypes, parse } from 'parse5';
import { diffBlocks } from '../../../packages/cli/src/formatters/html/diff-blocks.ts';
import { htmlReport } from '../../../packages/cli/src/formatters/html/report.ts';
import { darkColours, lightColours } from '../../../packages/cli/src/formatters/html/style.ts';
import type { FileFindings } from '../../../packages/cli/src/sdk/check/file-findings.ts';
import { fileFindings, findingAt } from '../../support/findings.ts';

type Node = DefaultTreeAdapterTypes.Node;
type Element = DefaultTreeAdapterTypes.Element;

const platforms = ['linux/arm64', 'linux/arm/v7'];
const text = 'FROM amd64/a\nRUN 1\nRUN 2\nRUN 3\nRUN 4\nRUN 5\nRUN 6\nRUN 7\nRUN 8\nRUN 9\n';
const fixed = text.replace('amd64/', '').replace('RUN 1\n', 'ARG A\nRUN 1 $A\n');
const rule: Rule = {
  name: 'x86-namespace',
  summary: 'A namespace.',
  page: {
    why: 'It is x86.',
    bad: 'FROM amd64/a',
    good: 'FROM a',
    perArch: { platform: 'linux/arm/v7', text: 'FROM arm32v7/a' },
    silent: ['When it is meant.'],
  },
  check: async () => [],
};
const found = findingAt(text, 'amd64/', { rule: 'x86-namespace', to: '', hint: 'leave it out' });
const files: readonly FileFindings[] = [
  fileFindings(text, [found], { path: 'a/Dockerfile', fixed }),
  fileFindings('FROM b\n', [], { path: 'b/Dockerfile' }),
  fileFindings(text, [{ ...found, severity: 'warning', platforms: found.platforms.slice(1) }], {
    path: 'c/Dockerfile',
  }),
];

describe('the page of findings', () => {
  const page = open(files);

  it('has a table of files and platforms, each cell with what is in the way and a link to it', () => {
    const table = byId(page, 'matrix');
    expect(cells(table, 'thead', 'th')).to.deep.equal(['File', ...platforms, 'Fixed by migrate']);
    expect(
      all(table, 'tr')
        .slice(1)
        .map((row) => [...all(row, 'th'), ...all(row, 'td')].map(textOf)),
    ).to.deep.equal([
      ['a/Dockerfile', '✕1 errorx86-namespace', '✕1 errorx86-namespace', '1 of 1'],
      ['b/Dockerfile', '✓nothing found', '✓nothing found', '–'],
      ['c/Dockerfile', '✓nothing found', '▲1 warning', '1 of 1'],
    ]);
    for (const header of all(table, 'th')) expect(attribute(header, 'scope')).to.be.oneOf(['col', 'row']);
    expect(all(table, 'a').map((link) => attribute(link, 'href'))).to.deep.equal([
      '#file-1',
      '#file-1',
      '#file-1',
      '#file-3',
      '#file-3',
    ]);
  });

  it('shows each file with findings: where, what to do, and the original beside the fixed text', () => {
    const section = byId(page, 'file-1');
    expect(textOf(all(section, 'h3')[0])).to.equal('a/Dockerfile');
    expect(textOf(all(section, 'mark')[0])).to.equal('amd64/');
    expect(textOf(section)).to.include('leave it out').and.include('line 1, column 6');
    const [diff] = all(section, 'table');
    expect(all(diff, 'del').map(textOf)).to.deep.equal(['1FROM amd64/a2RUN 1']);
    expect(all(diff, 'ins').map(textOf)).to.deep.equal(['1FROM a2ARG A3RUN 1 $A']);
    expect(textOf(all(diff, 'summary')[0])).to.equal('5 unchanged lines');
    expect(textOf(byId(page, 'file-3'))).to.include('mabuild migrate leaves this file as it is');
    expect(all(page, 'article').map((article) => attribute(article, 'id'))).to.deep.equal([
      'file-1',
      'file-3',
      'rule-x86-namespace',
    ]);
  });

  it('explains the rules that were broken', () => {
    const shown = textOf(byId(page, 'rule-x86-namespace'));
    for (const part of ['It is x86.', 'FROM amd64/a', 'FROM arm32v7/a', 'When it is meant.'])
      expect(shown).to.include(part);
  });

  it('names the worst rules first, and of those the ones in the most files', () => {
    const finding = (name: string, severity: Finding['severity']): Finding => ({
      ...found,
      rule: name,
      severity,
    });
    const worst = open([
      fileFindings(text, [finding('a', 'info'), finding('b', 'warning'), finding('c', 'error')]),
      fileFindings(text, [finding('a', 'info'), finding('d', 'error'), finding('b', 'info')]),
      fileFindings(text, [finding('d', 'warning')]),
    ]);
    const [table] = all(worst, 'table');
    expect(all(all(table, 'tbody')[0], 'th').map(textOf)).to.deep.equal(['d', 'c', 'b', 'a']);
  });

  it('is well-formed, has landmarks, one h1, a language, and links that lead somewhere', () => {
    expect(page.errors).to.deep.equal([]);
    expect(attribute(all(page, 'html')[0], 'lang')).to.equal('en');
    for (const landmark of ['header', 'nav', 'main', 'footer', 'h1'])
      expect(all(page, landmark), landmark).to.have.length(1);
    const levels = all(page, '*').flatMap(({ tagName }) => /^h([1-6])$/.exec(tagName)?.[1] ?? []);
    for (const [index, level] of levels.entries())
      expect(Number(level), `heading ${index}`).to.be.at.most(Number(levels[index - 1] ?? 0) + 1);
    const ids = all(page, '*').flatMap((element) => attribute(element, 'id') ?? []);
    expect(new Set(ids).size).to.equal(ids.length);
    for (const link of all(page, 'a')) expect(ids).to.include(attribute(link, 'href')?.slice(1));
    for (const named of all(page, '*')) {
      const label = attribute(named, 'aria-labelledby');
      if (label !== undefined) expect(ids).to.include(label);
    }
  });

  it('asks nobody for anything and runs no other script than its own', () => {
    const source = [...htmlReport(files, { platforms, rules: [rule] })].join('');
    expect(source).to.not.match(/https?:|\/\/[a-z]|@import|url\(/i);
    for (const element of all(page, '*')) {
      expect(attribute(element, 'src')).to.equal(undefined);
      for (const { name } of element.attrs) expect(name).to.not.match(/^on/);
    }
    expect(all(page, 'link')).to.have.length(0);
    expect(all(page, 'script')).to.have.length(1);
    const [policy] = all(page, 'meta').filter(
      (meta) => attribute(meta, 'http-equiv') === 'Content-Security-Policy',
    );
    expect(attribute(policy, 'content')).to.match(/^default-src 'none'; .*script-src 'sha256-[\w+/]+=*'/);
  });

  it('says that nothing was found', () => {
    const clean = open([fileFindings('FROM a\n', [])]);
    expect(clean.errors).to.deep.equal([]);
    expect(textOf(all(clean, 'header')[0])).to.include('Nothing was found');
    expect(all(clean, 'article')).to.have.length(0);
    expect(open([]).errors).to.deep.equal([]);
  });

  const hostile = [
    '<script>alert(1)</script>',
    '</script><script>alert(1)</script>',
    '</pre></td></table><img src=x onerror=alert(1)>',
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '<!--',
    ']]>&lt;&#60;&amp;',
    '</style><style>*{display:none}',
    '${html}`$&$1',
    'javascript:alert(1)',
    '日本 ü 👩‍💻 \u202e\u2066\u0000\u001b[31m\ufeff\ud800',
  ];
  for (const words of hostile) {
    it(`is not moved by ${JSON.stringify(words)}`, () => {
      const harmless = open([hostileFile('words')]);
      const shown = open([hostileFile(words)]);
      expect(shown.errors).to.deep.equal([]);
      expect(all(shown, '*').map(outline)).to.deep.equal(all(harmless, '*').map(outline));
      const seen = words
        .replaceAll('\u0000', '␀')
        .replaceAll('\u001b', '␛')
        .replace(
          /[\u202e\u2066\ufeff\ud800]/g,
          (character) => `⟨U+${character.charCodeAt(0).toString(16).toUpperCase()}⟩`,
        );
      for (const place of ['h3', 'th', 'strong', 'pre', 'del', 'ins', 'caption'])
        expect(
          all(shown, place).some((element) => textOf(element).includes(seen.trim())),
          place,
        ).to.equal(true);
    });
  }

  it('stays usable with thousands of files: sections are closed, and small', () => {
    const many = Array.from({ length: 1000 }, (_, index) => ({
      ...(files[index % 3] as FileFindings),
      path: `${index}/Dockerfile`,
    }));
    const big = open(many);
    expect(all(byId(big, 'matrix'), 'tr')).to.have.length(1001);
    expect(all(big, 'details').filter((details) => attribute(details, 'open') !== undefined)).to.have.length(
      0,
    );
    const bytes = [...htmlReport(many, { platforms, rules: [rule] })].reduce(
      (sum, part) => sum + part.length,
      0,
    );
    expect(bytes / many.length).to.be.lessThan(4000);
  });

  for (const [name, colours] of Object.entries({ light: lightColours, dark: darkColours })) {
    const grounds = ['ground', 'raised'];
    const pairs = [
      ...['text', 'faint', 'link', 'error', 'warning', 'info', 'ok'].flatMap((front) =>
        grounds.map((back) => [front, back]),
      ),
      ...['error', 'warning', 'info', 'ok'].flatMap((kind) => [
        [kind, `${kind}-ground`],
        ['text', `${kind}-ground`],
        ['faint', `${kind}-ground`],
      ]),
      ['text', 'mark'],
    ];
    for (const [front = '', back = ''] of pairs) {
      it(`${name}: ${front} can be read on ${back}`, () => {
        expect(contrast(colours[front] ?? '', colours[back] ?? '')).to.be.at.least(4.5);
      });
    }
  }
});

describe('two versions as blocks', () => {
  const table: readonly (readonly [string, string, string])[] = [
    ['a\nb\nc\n', 'a\nx\ny\nc\n', ' 1a/1a | -2b +2x3y | 3c/4c'],
    ['a\n', 'b\na\n', '- +1b | 1a/2a'],
    ['a\nb\n', 'a\n', ' 1a/1a | -2b +'],
    ['a', 'a\n', '-1a +1a'],
    ['a\r\nb\r\n', 'a\r\nc\r\n', ' 1a/1a | -2b +2c'],
    ['-- a\n++ b\n', '-- a\n+++ b\n', ' 1-- a/1-- a | -2++ b +2+++ b'],
    ['\\ a\nb\n', '\\ a\nc\n', ' 1\\ a/1\\ a | -2b +2c'],
    ['a\n', 'a\n', ' 1a/1a'],
    ['', 'a\n', '- +1a'],
  ];
  for (const [before, after, shown] of table) {
    it(`${JSON.stringify(before)} and ${JSON.stringify(after)}`, () => {
      const lines = (all: readonly { number: number; text: string }[]): string =>
        all.map((line) => `${line.number}${line.text}`).join('');
      const blocks = diffBlocks(before, after).map((block) =>
        block.same
          ? `${lines(block.before)}/${lines(block.after)}`
          : `-${lines(block.before)} +${lines(block.after)}`,
      );
      expect(blocks.join(' | ')).to.equal(shown.trim());
    });
  }
});

function hostileFile(words: string): FileFindings {
  const original = `FROM a # ${words}\nRUN x\n`;
  const finding: Finding = {
    ...findingAt(original, original.split('\n')[0] ?? ''),
    message: words,
    hint: words,
    rule: words,
  };
  return fileFindings(
    original,
    [finding, { ...finding, fix: 'suggest', edits: [{ start: 0, end: 4, newText: words }] }],
    {
      path: `x/${words}`,
      fixed: original.replace('FROM', () => `${words} FROM`),
    },
  );
}

interface Page {
  readonly root: Node;
  readonly errors: readonly string[];
}

/** Makes a page and parses it as a browser would. */
function open(of: readonly FileFindings[]): Page {
  const errors: string[] = [];
  const source = [...htmlReport(of, { platforms, rules: [rule] })].join('');
  const root = parse(source, { onParseError: ({ code }) => errors.push(code) });
  return { root, errors };
}

function all(from: Page | Node | undefined, name: string): readonly Element[] {
  const node = from && 'root' in from ? from.root : from;
  if (!node || !('childNodes' in node)) return [];
  return node.childNodes.flatMap((child) => [
    ...('tagName' in child && (name === '*' || child.tagName === name) ? [child] : []),
    ...all(child, name),
  ]);
}

function byId(page: Page, id: string): Element {
  const element = all(page, '*').find((candidate) => attribute(candidate, 'id') === id);
  if (!element) throw new Error(`there is no #${id}`);
  return element;
}

function cells(table: Element, part: string, name: string): readonly string[] {
  return all(all(table, part)[0], name).map(textOf);
}

function textOf(node: Node | undefined): string {
  if (node && 'value' in node) return node.value;
  return node && 'childNodes' in node ? node.childNodes.map(textOf).join('') : '';
}

function attribute(element: Element | undefined, name: string): string | undefined {
  return element?.attrs.find((candidate) => candidate.name === name)?.value;
}

/** An element without what texts may change. */
function outline(element: Element): string {
  return [element.tagName, ...element.attrs.map(({ name }) => name)].join(' ');
}

/** WCAG 2.2, "contrast ratio". */
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[0-9a-f]{2}/g) ?? []).map((pair) => {
    const part = Number.parseInt(pair, 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
