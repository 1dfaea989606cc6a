import { readFileSync } from 'node:fs';
import { type BuilderCapabilities, parseDockerfile, prepareDockerfile, wantedImages } from '@mabuild/core';
import { isMabuildError, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { corpusParts, corpusPaths } from '../../support/corpus.ts';
import { sharedDescribe } from '../../support/shared.ts';

const platform = parsePlatform('linux/arm/v7');
const buildPlatform = parsePlatform('linux/amd64');
const modern: BuilderCapabilities = { heredoc: true, link: true, runNetwork: true };
const old: BuilderCapabilities = { heredoc: false, link: false, runNetwork: false };
const refusals = [
  'DOCKERFILE_SYNTAX',
  'DOCKERFILE_EXPANSION',
  'INVALID_REFERENCE',
  'INVALID_PLATFORM',
  'NEEDS_BUILDKIT',
  'ONBUILD_NEEDS_EMULATOR',
];
const emulator = {
  inject: { file: '/qemu-arm-static', path: '/usr/bin/qemu-arm-static' },
  environment: { QEMU_CPU: 'arm1176' },
};
const digest = `sha256:${'a'.repeat(64)}`;

sharedDescribe('prepareDockerfile on the corpora', () => {
  const files = corpusParts.flatMap(corpusPaths);

  for (const [title, builder, capabilities] of [
    ['BuildKit', 'buildkit', modern],
    ['BuildKit of Docker 20.10', 'buildkit', old],
    ['the classic builder', 'classic', old],
  ] as const) {
    it(`makes what ${title} reads, or says why not, and knows the user's lines`, () => {
      let prepared = 0;
      for (const file of files) {
        try {
          const dockerfile = parseDockerfile(readFileSync(file, 'utf8'), { file });
          const build = { platform, buildPlatform };
          const bases = wantedImages(dockerfile, build).map(({ reference, platform: wanted }) => ({
            reference,
            platform: wanted,
            digest,
            manifestDigest: digest,
            environment: [],
          }));
          const { text, originalLine } = prepareDockerfile(dockerfile, {
            ...build,
            builder,
            capabilities,
            bases,
            emulator,
          });
          const keywords = new Map(
            dockerfile.instructions.map(({ startLine, keyword }) => [startLine, keyword]),
          );
          const result = parseDockerfile(text);
          for (const { keyword, startLine } of result.instructions) {
            if (keyword === 'RUN')
              expect(keywords.get(originalLine(startLine)), `${file}:${startLine}`).to.equal('RUN');
          }
          for (const use of wantedImages(result, build)) expect(use.reference.digest, file).to.equal(digest);
          prepared += 1;
        } catch (error) {
          if (!isMabuildError(error)) throw error;
          expect(refusals, `${file}: ${error.message}`).to.include(error.code);
          expect(error.location?.line, `${file}: ${error.message}`).to.be.greaterThan(0);
        }
      }
      expect(prepared / files.length).to.be.greaterThan(builder === 'classic' ? 0.7 : 0.9);
    }).timeout(120_000);
  }
});
