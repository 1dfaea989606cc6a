import { Readable } from 'node:stream';
import { type Descriptor, digestOf, type ImageReference, mediaTypes } from '@mabuild/oci';
import { createRegistryClient, type RegistryEvent } from '@mabuild/registry';
import { type RegistryFault, startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { rejection } from '../support/rejection.ts';

/** An index of nothing, told from others by a name. */
function indexOf(name: string): { readonly descriptor: Descriptor; readonly bytes: Buffer } {
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [], annotations: { name } };
  const bytes = Buffer.from(JSON.stringify(document));
  return {
    descriptor: { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length },
    bytes,
  };
}

describe('a tag that is written only where it points at what was expected', () => {
  let registry: TestRegistry;
  afterEach(() => registry.close());

  const [base, ours, theirs] = [indexOf('base'), indexOf('ours'), indexOf('theirs')];

  /** Writes `ours` over `base`; `between` happens before the write is tried again. */
  async function write(fault: RegistryFault, between: () => void): Promise<void> {
    registry = await startTestRegistry({ faults: [{ method: 'PUT', url: /manifests\/1$/, ...fault }] });
    registry.addManifest('app', '1', base.descriptor.mediaType, base.bytes);
    const client = createRegistryClient({
      retry: { baseDelay: 5 },
      onEvent: (event: RegistryEvent) => {
        if (event.type === 'registry-retry') between();
      },
    });
    try {
      const reference: ImageReference = { registry: registry.host, repository: 'app' };
      const open = async (): Promise<Readable> => Readable.from([ours.bytes], { objectMode: false });
      await client.sink(reference).tag('1', ours.descriptor, { open, expected: base.descriptor });
    } finally {
      await client.close();
    }
  }

  const rows: readonly { what: string; fault: RegistryFault }[] = [
    { what: '503', fault: { status: 503 } },
    { what: '429', fault: { status: 429, headers: { 'retry-after': '0' } } },
    { what: 'a cut connection', fault: { cutAfter: 10, times: 2 } },
  ];
  for (const { what, fault } of rows) {
    it(`is written after ${what}, when nobody came between`, async () => {
      await write(fault, () => undefined);
      expect(registry.tagOf('app', '1')).to.equal(ours.descriptor.digest);
    });

    it(`is left to whoever came between two tries, after ${what}`, async () => {
      const error = await rejection(
        write(fault, () => registry.addManifest('app', '1', theirs.descriptor.mediaType, theirs.bytes)),
      );
      expect(error).to.have.property('code', 'REGISTRY_TAG_MOVED');
      expect(registry.tagOf('app', '1')).to.equal(theirs.descriptor.digest);
    });
  }

  it('is ours when the answer to our write was lost', async () => {
    await write({ cutAfterAnswer: true }, () => undefined);
    expect(registry.tagOf('app', '1')).to.equal(ours.descriptor.digest);
  });
});
