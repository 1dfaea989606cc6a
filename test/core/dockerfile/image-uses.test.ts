import { parseDockerfile } from '@mabuild/core';
import { isMabuildError, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { imageUses } from '../../../packages/core/src/dockerfile/image-uses.ts';

const rows: readonly (readonly [string, RegExp])[] = [
  ['ARG TAG=\nFROM node:$TAG\n', /^TAG is empty: give --build-arg TAG=…/],
  ['ARG TAG\nFROM node:${TAG}-slim\n', /^TAG is empty/],
  ['ARG R\nARG T\nFROM $R/node:$T\n', /^R and T are empty: give --build-arg R=… --build-arg T=…/],
  ['ARG R=a\nARG T\nFROM $R/node:$T\n', /^T is empty/],
  ['FROM node:\n', /^a tag is 1 to 128/],
  ['ARG T\nFROM node:${T:-_!}\n', /^a tag is 1 to 128/],
];

describe('what a name that is none says', () => {
  for (const [text, hint] of rows)
    it(JSON.stringify(text), () => {
      try {
        imageUses(parseDockerfile(text), { platform: parsePlatform('linux/arm64') });
      } catch (error) {
        if (!isMabuildError(error)) throw error;
        expect(error.code).to.equal('INVALID_REFERENCE');
        expect(error.hint).to.match(hint);
        return;
      }
      expect.fail('it was read');
    });
});

describe('a named context', () => {
  const [platform, folder] = [parsePlatform('linux/arm64'), { kind: 'folder' } as const];
  const dockerfile = parseDockerfile('FROM scratch AS mine\nFROM mine\nCOPY --from=other / /\n');

  it('stands for an image of its name', () => {
    expect(imageUses(dockerfile, { platform, contexts: { other: folder } })).to.deep.equal([]);
  });

  it('is refused where a stage has its name', () => {
    expect(() => imageUses(dockerfile, { platform, contexts: { Mine: folder, other: folder } })).to.throw(
      /the build context Mine has the name of a stage/,
    );
  });
});
