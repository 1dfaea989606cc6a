import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { BlobStore } from '@mabuild/oci';
import { expect } from 'chai';
import type { LayerEntry } from '../../../../../packages/core/src/engines/embedded/layers/entry.ts';
import { createLayerWriter } from '../../../../../packages/core/src/engines/embedded/layers/layer-writer.ts';
import { openMemory } from '../../../../../packages/core/src/memory.ts';
import { rejection } from '../../../../support/rejection.ts';

const file = { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0 } as const;

describe('a layer that several platforms have', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-same-layer-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const writerOf = () =>
    createLayerWriter({
      store: new BlobStore(join(directory, 'blobs')),
      memory: openMemory(join(directory, 'memory')),
    });

  /** Counts how often it is opened. */
  function counted(content: string, size = content.length): { readonly entry: LayerEntry; opened(): number } {
    let count = 0;
    const open = async (): Promise<Readable> => {
      count += 1;
      return Readable.from([Buffer.from(content)], { objectMode: false });
    };
    return { entry: { ...file, path: 'a', size, open }, opened: () => count };
  }

  for (const noCache of [false, true])
    it(`is written once a build${noCache ? ', also without the cache' : ''}`, async () => {
      const writer = writerOf();
      const { entry, opened } = counted('text');
      const first = await writer.write([entry], { noCache });
      const [second, third] = await Promise.all([
        writer.write([{ ...entry }], { noCache }),
        writer.write([{ ...entry, mtime: 7 }], { noCache }),
      ]);
      expect([second.diffId, third.diffId]).to.deep.equal([first.diffId, first.diffId]);
      expect(opened()).to.equal(1);
      await writer.write([{ ...entry, mode: 0o600 }], { noCache });
      expect(opened()).to.equal(2);
      await writerOf().write([entry], { noCache: true });
      expect(opened()).to.equal(3);
    });

  it('is written again when it could not be written', async () => {
    const writer = writerOf();
    const { entry, opened } = counted('text', 5);
    for (const count of [1, 2]) {
      expect(await rejection(writer.write([entry]))).to.have.property('code', 'CONTEXT_CHANGED');
      expect(opened()).to.equal(count);
    }
    expect(await readdir(join(directory, 'blobs/blobs/sha256'))).to.deep.equal([]);
  });
});
