import { applyEdits, migrateDockerfile, parseDockerfile } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { lintNames } from '../../../packages/core/src/dockerfile/lint-names.ts';
import { sharedDescribe, sharedJson } from '../../support/shared.ts';

const strict = '# check=error=true\n';

/** A per-arch file for linux/arm/v7, and what its stages are called so that BuildKit does not stop. */
const rows: readonly (readonly [string, string])[] = [
  ['FROM debian:12\n', 'FROM --platform=linux/arm/v7 arm32v7/debian:12\n'],
  [`${strict}FROM debian:12\n`, `${strict}FROM --platform=linux/arm/v7 arm32v7/debian:12 AS linux-arm\n`],
  [
    `${strict}from debian:12\nRUN x\nfrom alpine:3.20\n`,
    `${strict}from --platform=linux/arm/v7 arm32v7/debian:12 as linux-arm\nRUN x\nfrom --platform=linux/arm/v7 arm32v7/alpine:3.20 as linux-arm-2\n`,
  ],
  [
    `${strict}FROM debian:12 AS build\nFROM scratch\nCOPY --from=build / /\n`,
    '# check=skip=FromPlatformFlagConstDisallowed;error=true\nFROM --platform=linux/arm/v7 arm32v7/debian:12 AS build\nFROM scratch\nCOPY --from=build / /\n',
  ],
  [
    '# syntax=docker/dockerfile:1\n# check=skip=A;error=true\nFROM debian:12 AS build\n',
    '# syntax=docker/dockerfile:1\n# check=skip=FromPlatformFlagConstDisallowed,A;error=true\nFROM --platform=linux/arm/v7 arm32v7/debian:12 AS build\n',
  ],
  [
    '# check=skip=all;error=true\nFROM debian:12\n',
    '# check=skip=all;error=true\nFROM --platform=linux/arm/v7 arm32v7/debian:12\n',
  ],
  [
    `${strict}FROM scratch\nCOPY --from=busybox /bin /bin\n`,
    `${strict}FROM --platform=linux/arm/v7 arm32v7/busybox AS busybox_arm32v7\nFROM scratch\nCOPY --from=busybox_arm32v7 /bin /bin\n`,
  ],
];

describe('names that BuildKit takes', () => {
  for (const [text, expected] of rows)
    it(JSON.stringify(text), async () => {
      const options = { style: 'per-arch' as const, platforms: parsePlatformList('linux/arm/v7') };
      const { files } = await migrateDockerfile(text, options);
      expect(files[0]?.text).to.equal(expected);
      expect((await migrateDockerfile(expected, options)).files[0]?.text).to.equal(expected);
    });
});

sharedDescribe("BuildKit's own tests of constant platforms", () => {
  const { cases } = sharedJson<{
    cases: readonly { id: string; input: string; warnings: readonly { rule: string }[] }[];
  }>('vectors', 'dockerfile', 'buildkit-lint.json');
  for (const { id, input, warnings } of cases.filter((item) => item.id.includes('FromPlatformFlagConst')))
    it(id, () => {
      const text = strict + input.trimStart();
      const edits = lintNames(parseDockerfile(text));
      expect(edits.length > 0).to.equal(warnings.length > 0);
      expect(lintNames(parseDockerfile(applyEdits(text, edits)))).to.deep.equal([]);
    });
});
