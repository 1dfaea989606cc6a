import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { pruneCache } from '../../packages/cli/src/sdk/cache/prune-cache.ts';
import { environmentOf } from '../../packages/cli/src/sdk/environment.ts';
import { findLeftovers, sweepLeftovers } from '../../packages/cli/src/sdk/leftovers.ts';

/** A process that has ended, in the namespace of none that runs. */
const ended = '1.1.1';

describe('what killed runs left', () => {
  let directory = '';
  const path = (name: string): string => join(directory, name);
  const place = async (name: string): Promise<string> => {
    const file = path(name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, 'x');
    for (const old of [file, dirname(file)]) await utimes(old, 1, 1);
    return file;
  };
  const environment = () =>
    environmentOf({ cacheDirectory: path('cache'), temporaryDirectory: path('temporary') });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-left-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is found and deleted, and nothing else', async () => {
    const left = [
      dirname(await place(`temporary/mabuild-${ended}-0123456789ab/file`)),
      await place(`cache/leases/build-1-${ended}-0123456789ab`),
    ];
    const kept = [
      await place('temporary/mabuild-notes/file'),
      await place('temporary/other'),
      await place('cache/content/blobs/sha256/aa'),
    ];
    expect(await findLeftovers(environment())).to.have.members(left);
    expect(await sweepLeftovers(environment(), {})).to.have.members(left);
    for (const file of left) expect(existsSync(file)).to.equal(false);
    for (const file of kept) expect(existsSync(file)).to.equal(true);
  });

  it('is deleted by `cache prune`, whatever else is to stay', async () => {
    const left = [
      dirname(await place(`temporary/mabuild-${ended}-0123456789ab/file`)),
      await place(`cache/leases/build-1-${ended}-0123456789ab`),
      dirname(await place(`cache/sandbox/chroot-copy/work/${ended}/file`)),
    ];
    const kept = [await place('temporary/mabuild-notes/file'), await place('cache/content/blobs/sha256/aa')];
    const helper = pathToFileURL(path('no-helper.js'));
    await pruneCache(
      { kinds: ['program'] },
      { config: {}, environment: environment(), sandboxHelper: helper },
    );
    for (const file of left) expect(existsSync(file), file).to.equal(false);
    for (const file of kept) expect(existsSync(file), file).to.equal(true);
  });

  it('does not lie behind a link', async () => {
    const mine = [await place('outside/leases/old'), await place('outside/tree/file')];
    await mkdir(path('cache'));
    await mkdir(path('temporary'));
    await symlink(path('outside/leases'), path('cache/leases'));
    await symlink(path('outside/tree'), path(`temporary/mabuild-${ended}-0123456789ab`));
    expect(await sweepLeftovers(environment(), {})).to.deep.equal([]);
    for (const file of mine) expect(existsSync(file)).to.equal(true);
  });
});
