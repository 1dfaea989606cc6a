import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyImage, createLayoutSink } from '@mabuild/oci';
import { startTestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { run } from '../../../scripts/lib/run.mjs';
import { makeIndex } from '../../support/image.ts';
import { allProfiles } from '../../support/registry-trial.ts';
import { servicesDescribe } from '../../support/services.ts';

const user = { username: 'ci', password: 'secret' } as const;
const image = makeIndex(['linux/amd64', 'linux/arm64'], 100_000);

// A client that knows nothing of ours has to get along with every profile, or the profile is not like its registry.
servicesDescribe('registry/testing as skopeo sees it', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-skopeo-'));
    const layout = await createLayoutSink(join(directory, 'image'));
    await copyImage(image.source, layout, { tags: ['one'] });
  });
  after(() => rm(directory, { recursive: true, force: true }));

  for (const kind of ['basic', 'token'] as const) {
    for (const profile of allProfiles) {
      it(`${profile ?? 'no profile'}, ${kind}`, async () => {
        const registry = await startTestRegistry({ profile, auth: { kind, ...user } });
        const there = `docker://${registry.host}/team/app:one`;
        const creds = `${user.username}:${user.password}`;
        const back = join(directory, `back-${kind}-${profile}`);
        try {
          await run('skopeo', [
            ...['copy', '--quiet', '--all', '--preserve-digests', '--dest-tls-verify=false'],
            ...['--dest-creds', creds, `oci:${join(directory, 'image')}:one`, there],
          ]);
          expect(registry.tagOf('team/app', 'one')).to.equal(image.root.digest);
          await run('skopeo', [
            ...['copy', '--quiet', '--all', '--preserve-digests', '--src-tls-verify=false'],
            ...['--src-creds', creds, there, `dir:${back}`],
          ]);
          expect(registry.openUploads()).to.deep.equal([]);
        } finally {
          await registry.close();
        }
      });
    }
  }
});
