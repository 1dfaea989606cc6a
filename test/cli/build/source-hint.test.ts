import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BuildFailedError } from '@mabuild/core';
import { parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { withSourceHint } from '../../../packages/cli/src/sdk/build/source-hint.ts';

describe('a source that is not there', () => {
  let work = '';
  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'mabuild-source-'));
    await mkdir(join(work, 'app'));
    for (const name of ['package.json', '.dockerignore']) await writeFile(join(work, 'app', name), '*');
  });
  after(() => rm(work, { recursive: true, force: true }));

  /** As each builder says it. */
  const rows: readonly (readonly [string, string, RegExp | undefined])[] = [
    ['COPY packge.json /', '"/packge.json": not found', /did you mean package\.json/],
    [
      'COPY packge.json /',
      'failed to compute cache key: "/packge.json" not found: not found',
      /did you mean/,
    ],
    [
      'COPY packge.json /',
      'failed to calculate checksum of ref 5:6: "/packge.json": not found',
      /did you mean package\.json/,
    ],
    [
      'COPY package.json /',
      'COPY failed: file not found in build context or excluded by .dockerignore: stat package.json: file does not exist',
      /app\/\.dockerignore leaves it out/,
    ],
    [
      'COPY ../x /',
      'COPY failed: forbidden path outside the build context: ../x ()',
      /inside of the context only/,
    ],
    [
      'COPY /etc/passwd /',
      'failed to walk /data/buildkit-mount38/etc: lstat /data/buildkit-mount38/etc/passwd: no such file or directory',
      /begins at the context, app/,
    ],
    [
      '[stage-1 2/2] COPY --from=made /nope /',
      'lstat /data/overlay2/b90a/merged/nope: no such file or directory',
      /made has no such file at its end/,
    ],
    ['ADD nothing-like-it /', '"/nothing-like-it": not found', /which is app: there is no such file/],
    ['RUN cat x', '"/x": not found', undefined],
    ['COPY a /', 'something else', undefined],
  ];
  for (const [step, reason, hint] of rows) {
    it(`${step}: ${reason}`, async () => {
      const error = new BuildFailedError({ platform: parsePlatform('linux/arm64'), step, reason });
      const told = (await withSourceHint(error, {
        ...{ spec: 'app', directory: join(work, 'app'), dockerfile: 'app/Dockerfile' },
        environment: { workingDirectory: work },
      })) as BuildFailedError;
      expect(told).to.be.instanceOf(BuildFailedError);
      expect(told.message).to.equal(error.message);
      if (hint) expect(told.hint).to.match(hint);
      else expect(told.hint).to.equal(undefined);
    });
  }

  it('is not looked into where there is a hint, or no failed step', async () => {
    const site = {
      spec: '.',
      directory: work,
      dockerfile: 'Dockerfile',
      environment: { workingDirectory: work },
    };
    const other = new Error('"/x": not found');
    expect(await withSourceHint(other, site)).to.equal(other);
  });
});
