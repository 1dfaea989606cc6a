import { spawnSync } from 'node:child_process';
import { parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { migrateDockerfile, parseDockerfile } from '../../packages/core/src/index.ts';
import type { Rule } from '../../packages/core/src/rules/rule.ts';

const arms = ['linux/arm64', 'linux/arm/v7', 'linux/arm/v6'].map((text) => parsePlatform(text));

/**
 * Texts, and what the portable style makes of them where that is told: in both styles the rule finds nothing to fix in the
 * result, a second run changes nothing, and every script is one that dash can read.
 */
export function migratesOnce(
  rule: Rule,
  rows: readonly (readonly [text: string, portable?: string])[],
): void {
  describe(`${rule.name}: migrated`, () => {
    for (const [text, portable] of rows) {
      for (const style of ['portable', 'per-arch'] as const) {
        it(`${style} ${JSON.stringify(text)}`, async () => {
          const options = { style, platforms: arms, rules: [rule], only: [rule.name] };
          const { files, unfixed } = await migrateDockerfile(text, options);
          const fixable = unfixed.filter(({ fix }) => fix === 'auto' || fix === 'semi');
          expect(fixable.map(({ message }) => message)).to.deep.equal([]);
          expect(files.map((file) => file.text)).to.not.deep.equal(files.map(() => text));
          for (const file of files) {
            if (style === 'portable' && portable !== undefined) expect(file.text).to.equal(portable);
            const platforms = file.platform ? [file.platform] : arms;
            const again = await migrateDockerfile(file.text, { ...options, platforms });
            expect(again.files[0]?.text).to.equal(file.text);
            expectReadable(file.text);
          }
        });
      }
    }
  });
}

/** Runs the last RUN of a portable file for a platform, programs replaced by the given shell functions; tells what it prints. */
export function runFor(text: string, platform: string, stubs: string): string {
  const run = parseDockerfile(text)
    .stages.flatMap(({ instructions }) => instructions)
    .findLast(({ keyword }) => keyword === 'RUN');
  const [, architecture = '', variant = ''] = platform.split('/');
  const env = { PATH: process.env.PATH ?? '', TARGETARCH: architecture, TARGETVARIANT: variant };
  const script = `${stubs}\n${run?.heredocs[0]?.content ?? run?.args[0] ?? ''}`;
  return spawnSync('sh', ['-c', script], { encoding: 'utf8', env }).stdout;
}

function expectReadable(text: string): void {
  for (const { stages } of [parseDockerfile(text)]) {
    for (const { instructions } of stages) {
      for (const { keyword, json, args, heredocs } of instructions) {
        if (keyword !== 'RUN' || json) continue;
        const script = heredocs[0]?.content ?? args[0] ?? '';
        const { status, stderr } = spawnSync('sh', ['-n'], { input: script, encoding: 'utf8' });
        expect(status, `${stderr}${script}`).to.equal(0);
      }
    }
  }
}
