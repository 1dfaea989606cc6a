import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { openMemory } from '@mabuild/core';
import { BlobStore } from '@mabuild/oci';
import { expect } from 'chai';
import type { CacheRecord } from '../../../../../packages/core/src/engines/embedded/cache/cache-document.ts';
import { createRunCache } from '../../../../../packages/core/src/engines/embedded/cache/run-cache.ts';
import { treeDigest } from '../../../../../packages/core/src/engines/embedded/cache/tree-digest.ts';
import type { LayerEntry } from '../../../../../packages/core/src/engines/embedded/layers/entry.ts';
import {
  createLayerWriter,
  type WrittenLayer,
} from '../../../../../packages/core/src/engines/embedded/layers/layer-writer.ts';
import { applyLayer, emptyTree } from '../../../../../packages/core/src/engines/embedded/layers/tree.ts';

describe('what a step made of files', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-changed-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** A file that is read so often, and then holds something else. */
  function fileOf(...contents: readonly string[]): LayerEntry {
    const waiting = [...contents];
    const common = { path: 'f', type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, size: 3 } as const;
    return {
      ...common,
      open: async () => {
        const content = waiting.length > 1 ? waiting.shift() : waiting[0];
        return Readable.from([Buffer.from(content ?? '')], { objectMode: false });
      },
    };
  }

  const rows: readonly (readonly [string, LayerEntry, boolean])[] = [
    ['did not change', fileOf('old'), true],
    ['changed between being looked at and being written', fileOf('old', 'new'), false],
  ];
  for (const [what, entry, isKept] of rows)
    it(`is ${isKept ? '' : 'not '}remembered when they ${what}`, async () => {
      const memory = openMemory(join(directory, 'memory'));
      const writer = createLayerWriter({ store: new BlobStore(join(directory, 'blobs')), memory });
      const runs = createRunCache(memory, writer);
      const facts = [await treeDigest(applyLayer(emptyTree(), [entry]))];
      const records: CacheRecord[] = [];
      let made = 0;
      const make = async (): Promise<WrittenLayer> => {
        made += 1;
        return await writer.write([entry]);
      };
      const options = {
        noCache: false,
        epoch: undefined,
        onRecord: (record: CacheRecord): void => void records.push(record),
      };
      await runs.remembered(facts, make, options);
      expect(records.some(({ kind }) => kind === 'step')).to.equal(isKept);
      await runs.remembered(facts, make, options);
      expect(made).to.equal(isKept ? 1 : 2);
    });
});
