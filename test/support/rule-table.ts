import { formatPlatform, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { platformKey } from '../../packages/core/src/fixes/variation.ts';
import {
  checkDockerfile,
  type Dockerfile,
  offlineImages,
  parseDockerfile,
} from '../../packages/core/src/index.ts';
import type { Finding, Rule } from '../../packages/core/src/rules/rule.ts';
import { sharedDescribe, sharedJson } from './shared.ts';

/** A Dockerfile, and what a rule finds in it for each platform: `severity fix: text → text`, joined by `; `. */
export interface RuleRow {
  readonly text: string;
  /** For every platform that has no text of its own. @default '' nothing is found */
  readonly all?: string;
  readonly arm64?: string;
  readonly v7?: string;
  readonly v6?: string;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
}

const columns = [
  ['arm64', 'linux/arm64'],
  ['v7', 'linux/arm/v7'],
  ['v6', 'linux/arm/v6'],
] as const;

/** A test for each row and platform; `FROM debian:13` is put before a text that has no FROM; `complete` does the same for the catalogue's fragments. */
export function ruleTable(
  rule: Rule,
  rows: readonly RuleRow[],
  complete: (fragment: string) => string = (fragment) => fragment,
): void {
  describe(rule.name, () => {
    for (const row of rows) {
      const text = withFrom(row.text);
      for (const [column, name] of columns) {
        it(`${name} ${JSON.stringify(row.text)}`, async () => {
          const found = await findingsFor(rule, text, name, row.buildArgs);
          expect(found.map((finding) => describeFinding(text, finding, name)).join('; ')).to.equal(
            row[column] ?? row.all ?? '',
          );
        });
      }
    }
    it('says nothing for amd64', async () => {
      for (const { text } of rows) {
        expect(await findingsFor(rule, withFrom(text), 'linux/amd64'), text).to.deep.equal([]);
      }
    });
    it('finds no more in the scripts that its triggers pass over', async () => {
      for (const { text, buildArgs } of rows) {
        const found = await findingsOfAll(rule, parseDockerfile(withFrom(text)), { buildArgs });
        const all = await findingsOfAll(rule, parseDockerfile(withFrom(text)), {
          buildArgs,
          thorough: true,
        });
        expect(found, text).to.deep.equal(all);
      }
    });
    if (rule.page) {
      const { bad, good, perArch } = rule.page;
      it('finds what its page calls bad, and nothing in what it calls good', async () => {
        const platforms = ['linux/arm64', 'linux/arm/v7'].map((text) => parsePlatform(text));
        const options = { platforms, rules: [rule] };
        expect(await checkDockerfile(withFrom(bad), options)).to.not.deep.equal([]);
        expect(await checkDockerfile(withFrom(good), options)).to.deep.equal([]);
        if (perArch)
          expect(await findingsFor(rule, withFrom(perArch.text), perArch.platform)).to.deep.equal([]);
      });
    }
  });
  vectorRows(rule, complete);
}

interface RuleVector {
  readonly name: string;
  readonly before: string;
  readonly after: { readonly portable: string | null; readonly arch: Readonly<Record<string, string>> };
}

/** Rules of ours that the catalogue does not have. */
const beyondCatalogue: ReadonlySet<string> = new Set([
  'unexplained-x86-word',
  'digest-in-command',
  'goarm-mismatch',
]);

/** The catalogue's own fragments. */
function vectorRows(rule: Rule, complete: (fragment: string) => string): void {
  sharedDescribe(`${rule.name}: the catalogue's example`, () => {
    it('is found before and not after', async () => {
      const { rules } = sharedJson<{ readonly rules: readonly RuleVector[] }>(
        'vectors/dockerfile/rules.json',
      );
      const vector = rules.find(({ name }) => name === rule.name);
      if (!vector && beyondCatalogue.has(rule.name)) return;
      if (!vector) throw new Error(`the catalogue has no ${rule.name}`);
      const found = await Promise.all(
        columns.map(([, platform]) => findingsFor(rule, withFrom(complete(vector.before)), platform)),
      );
      expect(found.flat()).to.not.deep.equal([]);
      const { portable, arch } = vector.after;
      if (portable !== null) {
        for (const [, platform] of columns) {
          expect(await findingsFor(rule, withFrom(complete(portable)), platform), platform).to.deep.equal([]);
        }
      }
      for (const [platform, text] of Object.entries(arch)) {
        expect(await findingsFor(rule, withFrom(complete(text)), platform), platform).to.deep.equal([]);
      }
    });
  });
}

function withFrom(text: string): string {
  return /^FROM /m.test(text) ? text : `FROM debian:13\n${text}`;
}

async function findingsFor(
  rule: Rule,
  text: string,
  platform: string,
  buildArgs: Readonly<Record<string, string>> = {},
): Promise<readonly Finding[]> {
  const context = { platforms: [parsePlatform(platform)], images: offlineImages, buildArgs };
  return rule.check(parseDockerfile(text), context);
}

/** As data without what it was made of, for all platforms at once; `thorough`: with every script read. */
export async function findingsOfAll(
  rule: Rule,
  dockerfile: Dockerfile,
  { buildArgs = {}, thorough }: { readonly buildArgs?: RuleRow['buildArgs']; readonly thorough?: boolean },
): Promise<readonly unknown[]> {
  const platforms = columns.map(([, name]) => parsePlatform(name));
  const context = { platforms, images: offlineImages, buildArgs, thorough };
  const found = await rule.check(dockerfile, context);
  return found.map(({ variations = [], ...finding }) => ({
    ...finding,
    variations: variations.map(({ site, ...variation }) => ({ ...variation, pieces: site.pieces })),
  }));
}

function describeFinding(text: string, finding: Finding, platform: string): string {
  expect(finding.platforms.map((item) => formatPlatform(item))).to.deep.equal([platform]);
  const key = platformKey(parsePlatform(platform));
  const changes = (finding.variations ?? []).map((variation) => {
    const written = variation.site.pieces.map(({ start, end }) => text.slice(start, end)).join('');
    // What is computed reads so on amd64.
    if (!written.includes('$')) expect(written).to.equal(variation.text);
    return `${variation.text} → ${variation.texts[key] ?? '?'}`;
  });
  if (changes.length === 0) changes.push(text.slice(finding.range.start, finding.range.end));
  return `${finding.severity} ${finding.fix}: ${changes.join(', ')}`;
}
