import { checkDockerfile } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { sharedDescribe, sharedJson } from '../../support/shared.ts';

interface Entry {
  readonly name: string;
  readonly before: string;
  readonly after: { readonly portable: string | null; readonly arch: Readonly<Record<string, string>> };
}

/** The rules of the catalogue that are about images, and the platforms that their example is about. */
const rules: Readonly<Record<string, string>> = {
  'base-image-lacks-platform': 'linux/arm/v7',
  'arm-namespace-wrong-target': 'linux/arm/v7',
  'arch-suffix-in-tag': 'linux/arm64',
  'qemu-static-copied': 'linux/arm/v7',
  'end-of-life-base': 'linux/arm64',
  'cuda-base': 'linux/arm64',
  'from-platform-constant-x86': 'linux/arm/v7',
  'deprecated-arm-namespace': 'linux/arm/v7',
  'x86-namespace': 'linux/arm/v7',
  'copy-from-image-lacks-platform': 'linux/arm/v6',
  'digest-pinned-base': 'linux/arm/v7',
  'third-party-base-unknown': 'linux/arm64',
  'windows-base': 'linux/arm64',
  'balena-cross-build-marker': 'linux/arm64',
};

sharedDescribe("the catalogue's rules about images", () => {
  const entries = sharedJson<{ rules: readonly Entry[] }>('vectors', 'dockerfile', 'rules.json').rules;
  for (const [name, platform] of Object.entries(rules)) {
    const entry = entries.find((other) => other.name === name);
    it(`${name} is found before`, async () => {
      expect(await found(entry?.before ?? '', platform)).to.include(name);
    });
    // The portable text of this example stays what it was: the image is wrong for some platforms only.
    const portable = name === 'copy-from-image-lacks-platform' ? null : entry?.after.portable;
    if (typeof portable === 'string')
      it(`${name} is not found in the portable text`, async () => {
        expect(await found(portable, platform)).to.not.include(name);
      });
    for (const [target, text] of Object.entries(entry?.after.arch ?? {}))
      it(`${name} is not found in the text for ${target}`, async () => {
        expect(await found(text, target)).to.not.include(name);
      });
  }
});

async function found(fragment: string, platform: string): Promise<readonly string[]> {
  const text = /^(?:FROM|ARG)/.test(fragment) ? fragment : `FROM debian:12\n${fragment}`;
  const findings = await checkDockerfile(text, { platforms: parsePlatformList(platform) });
  return findings.map(({ rule }) => rule);
}
