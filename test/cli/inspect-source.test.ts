import { Readable } from 'node:stream';
import { type Descriptor, digestOf, type ImageSource, mediaTypes } from '@mabuild/oci';
import { expect } from 'chai';
import { inspectSource } from '../../packages/cli/src/sdk/images/inspect.ts';

describe('inspectSource', () => {
  it('reads indexes that name each other many times once, and some manifests at a time', async () => {
    const documents = new Map<string, Buffer>();
    const add = (mediaType: string, document: object): Descriptor => {
      const bytes = Buffer.from(JSON.stringify(document));
      documents.set(digestOf(bytes), bytes);
      return { mediaType, digest: digestOf(bytes), size: bytes.length };
    };
    const index = (manifests: readonly Descriptor[]): Descriptor =>
      add(mediaTypes.ociIndex, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
    const config = add(mediaTypes.ociConfig, {
      os: 'linux',
      architecture: 'arm64',
      rootfs: { type: 'layers', diff_ids: [] },
    });
    const images = Array.from({ length: 50 }, (_, at) =>
      add(mediaTypes.ociManifest, { schemaVersion: 2, config, layers: [], annotations: { at: String(at) } }),
    );
    let root = index(images);
    for (let level = 0; level < 3; level += 1) root = index(Array.from({ length: 100 }, () => root));
    let reads = 0;
    let open = 0;
    let most = 0;
    const read: ImageSource['read'] = async ({ digest }) => {
      reads += 1;
      open += 1;
      most = Math.max(most, open);
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
      return Readable.from([documents.get(digest) ?? Buffer.alloc(0)], { objectMode: false });
    };
    const report = await inspectSource('app', { root, read });
    expect(report.images).to.have.length(50);
    expect(reads).to.be.below(120);
    expect(most).to.equal(16);
  });
});
