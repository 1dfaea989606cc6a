import { readFileSync } from 'node:fs';
import { checkDockerfile, locate } from '@mabuild/core';
import { formatPlatform, parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { platformsMadeFor } from '../support/architecture-lines.ts';
import { plainFiles, share } from '../support/corpus.ts';
import { rewriteProblems } from '../support/migrated.ts';
import { sharedDescribe } from '../support/shared.ts';

const platforms = parsePlatformList('linux/arm64,linux/arm/v7,linux/arm/v6');
const misses = readFileSync(new URL('../../docs/migration-misses.md', import.meta.url), 'utf8');

sharedDescribe('Dockerfiles as people write them', () => {
  const files = plainFiles();

  // Each platform of its own takes as long as all together: arm64 and ARMv6 share the files between them.
  for (const [style, asked, chosen] of [
    ['portable', platforms, files],
    ['per-arch', parsePlatformList('linux/arm/v7'), files],
    ['per-arch', parsePlatformList('linux/arm64'), files.filter((_, index) => index % 2 === 0)],
    ['per-arch', parsePlatformList('linux/arm/v6'), files.filter((_, index) => index % 2 === 1)],
  ] as const) {
    const title = `${style}, ${asked.map((platform) => formatPlatform(platform)).join(' ')}`;
    it(`${title}: no crash, no changed byte outside an edit, nothing more to do the second time`, async () => {
      const wrong: string[] = [];
      let refused = 0;
      for (const { name, text } of chosen) {
        const problems = await rewriteProblems(text, style, asked);
        if (problems === undefined) refused += 1;
        else wrong.push(...problems.map((problem) => `${name}: ${problem}`));
      }
      console.log(`      ${share(refused, chosen.length)} refused as BuildKit does`);
      expect(wrong).to.deep.equal([]);
    }).timeout(300_000);
  }

  it('errors on Dockerfiles known to be portable are told in docs/migration-misses.md', async () => {
    const portable = files.filter(({ text }) => knownPortable(text));
    const told = section('Errors on portable files');
    const found = new Set<string>();
    let errors = 0;
    for (const { name, text } of portable) {
      const options = { platforms: parsePlatformList(platformsMadeFor(text).join()) };
      for (const { rule, severity, message, range } of await checkDockerfile(text, options)) {
        if (severity !== 'error') continue;
        errors += 1;
        found.add(`${name} ${rule}`);
        const { line } = locate({ text, file: undefined }, range);
        if (!told.has(`${name} ${rule}`)) console.log(`        ${name}:${line} ${rule}: ${message}`);
      }
    }
    const rate = ((1000 * errors) / portable.length).toFixed(0);
    console.log(`      ${errors} errors in ${portable.length} portable files: ${rate} per 1,000`);
    expect([...found].sort()).to.deep.equal([...told].sort());
  }).timeout(60_000);
});

/** A file that asks for the architecture: with BuildKit's ARGs, or a command whose answer is then used or compared. */
function knownPortable(text: string): boolean {
  const code = text.replace(/^\s*#.*$/gm, '');
  return (
    /\$\{?TARGET(?:ARCH|PLATFORM)/.test(code) ||
    /(?:\$\(|`)\s*(?:dpkg --print-architecture|apk --print-arch|uname -m|arch)\s*(?:\)|`)/.test(code)
  );
}

/** `file rule` of each row of a section's table. */
function section(title: string): ReadonlySet<string> {
  const part = misses.split(/^## /m).find((text) => text.startsWith(title)) ?? '';
  return new Set(
    [...part.matchAll(/^\| `([^`]+)` \| `([^`]+)` \|/gm)].map(([, name, rule]) => `${name} ${rule}`),
  );
}
