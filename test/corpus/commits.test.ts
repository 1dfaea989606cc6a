import { readFileSync } from 'node:fs';
import { checkDockerfile, type Finding, locate } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import {
  buildArgsFor,
  linesChangedForArchitecture,
  platformsMadeFor,
} from '../support/architecture-lines.ts';
import { portedFiles, share } from '../support/corpus.ts';
import { sharedDescribe } from '../support/shared.ts';

const asked = parsePlatformList('linux/arm64,linux/arm/v7,linux/arm/v6');
const misses = readFileSync(new URL('../../docs/migration-misses.md', import.meta.url), 'utf8');

sharedDescribe('commits that made a Dockerfile portable', () => {
  const ports = portedFiles();

  it('a finding lies on a line that people changed for the architecture in 90 % of the files', async () => {
    const missed: string[] = [];
    let withoutV6 = 0;
    for (const { name, before, after } of ports) {
      const lines = linesChangedForArchitecture(before, after);
      const findings = (await checkDockerfile(before, { platforms: asked })).filter((finding) =>
        touches(before, finding, lines),
      );
      if (findings.length === 0) missed.push(name);
      if (findings.some(({ platforms }) => platforms.some(({ variant }) => variant !== 'v6'))) withoutV6 += 1;
    }
    console.log(
      `      before: ${share(ports.length - missed.length, ports.length)}, ` +
        `without linux/arm/v6 ${share(withoutV6, ports.length)}`,
    );
    for (const name of missed) console.log(`        no finding on a changed line: ${name}`);
    expect(1 - missed.length / ports.length).to.be.at.least(0.9);
    expect(missed, 'docs/migration-misses.md tells the same').to.deep.equal(told('Not seen before the port'));
  });

  it('85 % of the ported files have no error for the platforms they were made for', async () => {
    const missed: string[] = [];
    for (const { name, after } of ports) {
      const errors: Finding[] = [];
      for (const name of platformsMadeFor(after)) {
        const options = { platforms: parsePlatformList(name), buildArgs: buildArgsFor(after, name) };
        errors.push(
          ...(await checkDockerfile(after, options)).filter(({ severity }) => severity === 'error'),
        );
      }
      if (errors.length === 0) continue;
      missed.push(name);
      for (const { rule, message, range } of errors) {
        console.log(
          `        ${name}:${locate({ text: after, file: undefined }, range).line} ${rule}: ${message}`,
        );
      }
    }
    console.log(`      after: ${share(ports.length - missed.length, ports.length)}`);
    expect(1 - missed.length / ports.length).to.be.at.least(0.85);
    expect(missed, 'docs/migration-misses.md tells the same').to.deep.equal(told('Told of after the port'));
  });
});

function touches(text: string, { range }: Finding, lines: ReadonlySet<number>): boolean {
  const first = locate({ text, file: undefined }, range).line;
  const last = locate(
    { text, file: undefined },
    { start: Math.max(range.start, range.end - 1), end: range.end },
  ).line;
  return [...lines].some((line) => line >= first && line <= last);
}

/** The files that a section of the page explains. */
function told(title: string): readonly string[] {
  const section = misses.split(/^## /m).find((part) => part.startsWith(title)) ?? '';
  return [...section.matchAll(/^### (\S+)$/gm)].map(([, name]) => name ?? '').sort();
}
