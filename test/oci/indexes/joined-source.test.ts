import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import {
  copyImage,
  createLayoutSink,
  type Descriptor,
  type ImageSource,
  isIndexType,
  joinSources,
  makeIndex,
  openLayout,
  parseImageIndex,
  readDocument,
  verifyImage,
} from '@mabuild/oci';
import { expect } from 'chai';
import { type MadeImage, makeImage } from '../../support/made-image.ts';
import { rejection } from '../../support/rejection.ts';

/** A source whose layers nobody else has, and its entries. */
async function part(platform: string): Promise<{ source: MadeImage; entries: readonly Descriptor[] }> {
  const source = makeImage({ platform, layers: [[{ path: 'name', content: platform }]] });
  const { manifests } = parseImageIndex(await readDocument(source, source.root));
  source.reads.length = 0;
  return { source, entries: manifests };
}

describe('joinSources', () => {
  it('asks each source for its own images only', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mabuild-joined-'));
    try {
      const parts = [await part('linux/amd64'), await part('linux/arm64'), await part('linux/arm/v7')];
      const index = makeIndex(parts.flatMap(({ entries }) => entries));
      const joined = joinSources(index, parts);
      await copyImage(joined, await createLayoutSink(directory), { tags: ['1'] });
      for (const { source, entries } of parts) {
        expect(source.reads).to.have.length(3);
        expect(source.reads[0]).to.equal(entries[0]?.digest);
        expect(source.reads.every((digest) => source.blobs.has(digest))).to.equal(true);
      }
      const written = await openLayout(directory);
      expect(written.root.digest).to.equal(index.descriptor.digest);
      expect((await verifyImage(written)).images).to.have.length(3);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('tells the sink where the blobs of each source can be mounted from', async () => {
    const mountable = async (platform: string, repository: string) => {
      const { source, entries } = await part(platform);
      const from: ImageSource = {
        root: source.root,
        read: (descriptor, options) => source.read(descriptor, options),
        mountableFrom: ({ mediaType }) =>
          isIndexType(mediaType) ? undefined : { registry: 'registry.example', repository },
      };
      return { source: from, entries };
    };
    const parts = [await mountable('linux/amd64', 'one'), await mountable('linux/arm64', 'two')];
    const joined = joinSources(makeIndex(parts.flatMap(({ entries }) => entries)), parts);
    for (const [at, { entries }] of parts.entries()) {
      const from = await joined.mountableFrom?.(entries[0]!);
      expect(from?.repository).to.equal(at === 0 ? 'one' : 'two');
    }
    expect(await joined.mountableFrom?.({ mediaType: 'a/b', digest: 'sha256:0', size: 1 })).to.equal(
      undefined,
    );
  });

  it('gives the index, and says what it does not have', async () => {
    const { source, entries } = await part('linux/amd64');
    const index = makeIndex(entries);
    const joined = joinSources(index, [{ source, entries }]);
    expect(await buffer(await joined.read(joined.root))).to.deep.equal(index.bytes);
    const error = await rejection(joined.read({ ...index.descriptor, digest: `sha256:${'0'.repeat(64)}` }));
    expect(error).to.have.property('code', 'BLOB_NOT_FOUND');
  });
});
