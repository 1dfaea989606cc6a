import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { openMemory } from '@mabuild/core';
import { type Descriptor, type ImageSource, mediaTypes, type PushEvent, parseReference } from '@mabuild/oci';
import { expect } from 'chai';
import { openKnownPlaces } from '../../../packages/cli/src/sdk/build/known-places.ts';

const blob = { mediaType: mediaTypes.ociLayerGzip, digest: `sha256:${'1'.repeat(64)}`, size: 3 };
const other = { ...blob, digest: `sha256:${'2'.repeat(64)}` };
const manifest = { ...blob, mediaType: mediaTypes.ociManifest, digest: `sha256:${'3'.repeat(64)}` };

describe('known places of blobs', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-places-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const source = (from?: string): ImageSource => ({
    root: manifest,
    read: async () => Readable.from([]),
    ...(from === undefined ? {} : { mountableFrom: () => parseReference(from) }),
  });
  const event = (descriptor: Descriptor, state: PushEvent['state']): PushEvent => ({
    type: 'blob',
    descriptor,
    state,
    bytes: 0,
  });

  const rows: readonly {
    what: string;
    noted: readonly PushEvent[];
    to: string;
    own?: string;
    found: string | undefined;
  }[] = [
    { what: 'a blob that was sent', noted: [event(blob, 'sent')], to: 'r.example/new', found: 'first' },
    { what: 'a blob that was there', noted: [event(blob, 'exists')], to: 'r.example/new', found: 'first' },
    { what: 'a blob on its way', noted: [event(blob, 'sending')], to: 'r.example/new', found: undefined },
    { what: 'another blob', noted: [event(other, 'sent')], to: 'r.example/new', found: undefined },
    { what: 'the repository itself', noted: [event(blob, 'sent')], to: 'r.example/first', found: undefined },
    { what: 'another registry', noted: [event(blob, 'sent')], to: 's.example/new', found: undefined },
    {
      what: "the source's own word first",
      noted: [event(blob, 'sent')],
      to: 'r.example/new',
      own: 'r.example/base',
      found: 'base',
    },
    {
      what: 'a source of another registry',
      noted: [event(blob, 'sent')],
      to: 'r.example/new',
      own: 's.example/base',
      found: 'first',
    },
  ];
  for (const { what, noted, to, own, found } of rows) {
    it(what, async () => {
      const memory = openMemory(directory);
      const first = openKnownPlaces(parseReference('r.example/first'), memory);
      for (const one of noted) first.note(one);
      await first.save();
      const from = await openKnownPlaces(parseReference(to), memory)
        .knowing(source(own))
        .mountableFrom?.(blob);
      expect(from?.repository).to.equal(found);
    });
  }

  it('are of blobs, not of manifests', async () => {
    const memory = openMemory(directory);
    const first = openKnownPlaces(parseReference('r.example/first'), memory);
    first.note(event(manifest, 'sent'));
    await first.save();
    const knowing = openKnownPlaces(parseReference('r.example/new'), memory).knowing(source());
    expect(await knowing.mountableFrom?.(manifest)).to.equal(undefined);
  });
});
