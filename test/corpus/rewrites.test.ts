import type { MigrationStyle } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { armFiles, x64Files } from '../support/corpus.ts';
import { rewriteProblems } from '../support/migrated.ts';
import { sharedDescribe } from '../support/shared.ts';

const platforms = parsePlatformList('linux/arm64,linux/arm/v7');

sharedDescribe('rewrites of x64 files that have a port, and of the ports', () => {
  for (const [style, asked] of [
    ['portable', platforms],
    ...platforms.map((platform) => ['per-arch', [platform]] as const),
  ] as const satisfies readonly (readonly [MigrationStyle, readonly unknown[]])[]) {
    const title = `${style}, ${asked.map(({ architecture }) => architecture).join(' ')}`;
    it(`${title}: what is called fixed is fixed, once and for all, and nothing else changes`, async () => {
      const wrong: string[] = [];
      for (const { name, text } of [...x64Files(), ...armFiles()]) {
        const problems = (await rewriteProblems(text, style, asked)) ?? ['is refused'];
        wrong.push(...problems.map((problem) => `${name}: ${problem}`));
      }
      expect(wrong).to.deep.equal([]);
    }).timeout(300_000);
  }
});
