import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  formatLocation,
  type ImageLocation,
  parseLocalLocation,
  parseLocation,
} from '../../../packages/cli/src/sdk/images/image-location.ts';
import { withLocations } from '../../../packages/cli/src/sdk/images/locations.ts';
import type { Toolbox } from '../../../packages/cli/src/sdk/toolbox.ts';

describe('cli/sdk/image-location', () => {
  const read: readonly (readonly [string, ImageLocation])[] = [
    ['oci:image', { kind: 'oci', path: 'image' }],
    ['oci:./a/image:1.2', { kind: 'oci', path: './a/image', tag: '1.2' }],
    ['oci:a:b/image', { kind: 'oci', path: 'a:b/image' }],
    ['oci:C:\\images\\app', { kind: 'oci', path: 'C:\\images\\app' }],
    ['oci:C:\\images\\app:1', { kind: 'oci', path: 'C:\\images\\app', tag: '1' }],
    ['oci-archive:image.tar', { kind: 'oci-archive', path: 'image.tar' }],
    ['oci-archive:image.tar:1', { kind: 'oci-archive', path: 'image.tar', tag: '1' }],
    ['docker-archive:a/image.tar', { kind: 'docker-archive', path: 'a/image.tar' }],
    ['docker:app:1', { kind: 'docker', image: 'app:1' }],
    [
      'app',
      {
        kind: 'registry',
        reference: { registry: 'docker.io', repository: 'library/app', tag: 'latest' },
      },
    ],
    [
      'docker.io/library/docker:cli',
      {
        kind: 'registry',
        reference: { registry: 'docker.io', repository: 'library/docker', tag: 'cli' },
      },
    ],
    [
      'localhost:5000/app:1',
      { kind: 'registry', reference: { registry: 'localhost:5000', repository: 'app', tag: '1' } },
    ],
  ];
  for (const [text, location] of read) {
    it(`reads ${text}`, () => {
      expect(parseLocation(text)).to.deep.equal(location);
      expect(parseLocation(formatLocation(location))).to.deep.equal(location);
    });
  }

  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['', 'INVALID_REFERENCE', /it is empty/],
    ['oci:', 'INVALID_SOURCE', /"oci:" is no place for an image/],
    ['dir:./image', 'INVALID_SOURCE', /is no place for an image/],
    ['docker://ubuntu', 'INVALID_REFERENCE', /it starts with docker:\/\//],
    ['App', 'INVALID_REFERENCE', /"App" is no image name/],
  ];
  for (const [text, code, says] of wrong) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => parseLocation(text))
        .to.throw(says)
        .with.property('code', code);
    });
  }

  it('takes no reference where only local places will do', () => {
    expect(() => parseLocalLocation('localhost:5000/app:1'))
      .to.throw(/is no source/)
      .with.property('code', 'INVALID_SOURCE');
  });

  it('keeps what it unpacks from other users, and takes it away in the end', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mabuild-location-'));
    const environment = { temporaryDirectory: join(directory, 'tmp'), workingDirectory: directory };
    const modes = await withLocations({ environment } as Toolbox, {}, async (locations) => {
      await locations.sink({ kind: 'docker-archive', path: 'image.tar' });
      const names = await readdir(environment.temporaryDirectory);
      return Promise.all(
        names.map(async (name) => (await stat(join(environment.temporaryDirectory, name))).mode & 0o777),
      );
    });
    const left = await readdir(environment.temporaryDirectory);
    await rm(directory, { recursive: true });
    expect({ modes, left }).to.deep.equal({ modes: [0o700], left: [] });
  });
});
