import {
  checkDockerfile,
  type Finding,
  type ImageFacts,
  migrateDockerfile,
  offlineImages,
} from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';

/** A text that a rule has something to say about. */
export interface ImageRuleRow {
  readonly text: string;
  /** @default linux/arm64,linux/arm/v7 */
  readonly platforms?: string;
  /** Severity and fix of each of the rule's findings, joined by `, `. */
  readonly says: string;
  readonly message?: RegExp;
  readonly hint?: RegExp;
  /** What a registry says of images, platforms apart by blanks; the table of official images says the rest. */
  readonly images?: Readonly<Record<string, string>>;
  /** The whole portable file after migrating. @default as it was */
  readonly portable?: string;
  /** The whole file of a platform. */
  readonly perArch?: Readonly<Record<string, string>>;
}

export interface ImageRuleTable {
  /** Texts that the rule says nothing about. */
  readonly accepts: readonly (string | Pick<ImageRuleRow, 'text' | 'platforms' | 'images'>)[];
  readonly rejects: readonly ImageRuleRow[];
}

const arms = 'linux/arm64,linux/arm/v7';

/** Holds a rule to a table: what it says, what migrating makes of it in both styles, and that doing it again changes nothing. */
export function imageRuleTable(rule: string, { accepts, rejects }: ImageRuleTable): void {
  describe(rule, () => {
    for (const row of accepts) {
      const { text, platforms = arms, images } = typeof row === 'string' ? { text: row } : row;
      it(`is silent on ${JSON.stringify(text)}${platforms === arms ? '' : ` for ${platforms}`}`, async () => {
        expect(await findingsOf(rule, text, platforms, images)).to.deep.equal([]);
      });
    }
    for (const row of rejects) {
      const { text, platforms = arms, images } = row;
      it(`finds ${JSON.stringify(text)}${platforms === arms ? '' : ` for ${platforms}`}`, async () => {
        const findings = await findingsOf(rule, text, platforms, images);
        expect(findings.map(({ severity, fix }) => `${severity} ${fix}`).join(', ')).to.equal(row.says);
        if (row.message) expect(findings[0]?.message).to.match(row.message);
        if (row.hint) expect(findings[0]?.hint).to.match(row.hint);
        expect(await migrated(rule, text, platforms, 'portable', images)).to.equal(row.portable ?? text);
        for (const [platform, expected] of Object.entries(row.perArch ?? {}))
          expect(await migrated(rule, text, platform, 'per-arch', images), platform).to.equal(expected);
      });
    }
  });
}

async function findingsOf(
  rule: string,
  text: string,
  platforms: string,
  images: Readonly<Record<string, string>> = {},
): Promise<readonly Finding[]> {
  const findings = await checkDockerfile(text, {
    platforms: parsePlatformList(platforms),
    images: imageFacts(images),
  });
  return findings.filter((finding) => finding.rule === rule);
}

/** The migrated text; what was called fixed is no longer found, and migrating again changes nothing. */
async function migrated(
  rule: string,
  text: string,
  platforms: string,
  style: 'portable' | 'per-arch',
  images: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options = { platforms: parsePlatformList(platforms), style, facts: imageFacts(images) };
  const first = await migrateDockerfile(text, options);
  const after = first.files[0]?.text ?? '';
  const left = first.unfixed.filter((finding) => finding.rule === rule && /auto|semi/.test(finding.fix));
  expect(
    left.map(({ message }) => message),
    `${style}: still to be fixed`,
  ).to.deep.equal([]);
  const again = await migrateDockerfile(after, options);
  expect(again.files[0]?.text, `${style}: a second time`).to.equal(after);
  return after;
}

function imageFacts(images: Readonly<Record<string, string>>): ImageFacts {
  return {
    platformsOf: async (name) => {
      const known = images[name];
      return known === undefined
        ? offlineImages.platformsOf(name)
        : parsePlatformList(known.split(' ').join(','));
    },
  };
}
