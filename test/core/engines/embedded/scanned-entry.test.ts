import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { BlobStore } from '@mabuild/oci';
import { expect } from 'chai';
import type { LayerEntry } from '../../../../packages/core/src/engines/embedded/layers/entry.ts';
import { createLayerScanner } from '../../../../packages/core/src/engines/embedded/layers/layer-scanner.ts';
import { createLayerWriter } from '../../../../packages/core/src/engines/embedded/layers/layer-writer.ts';
import type { Memory } from '../../../../packages/core/src/memory.ts';

const plain = { mode: 0o644, uid: 0, gid: 0, mtime: 1_700_000_000, size: 0 } as const;
const long = 'long/'.repeat(50);

function file(path: string, content: string, fields: Partial<LayerEntry> = {}): LayerEntry {
  const bytes = Buffer.from(content);
  const open = async (): Promise<Readable> => Readable.from([bytes], { objectMode: false });
  return { ...plain, path, type: 'file', size: bytes.length, open, ...fields };
}

const entries: readonly LayerEntry[] = [
  { ...plain, path: 'folder', type: 'directory', mode: 0o1777, uid: 7, gid: 3_000_000 },
  file('folder/a', 'some text'),
  file('folder/ä', 'x'.repeat(100_000), { mode: 0o4755, mtime: -5 }),
  file('folder/empty', ''),
  file(`${long}name`, 'in a long path', { xattrs: { 'user.b': 'Yg==', 'security.capability': 'AAAA' } }),
  { ...plain, path: 'folder/link', type: 'symlink', mode: 0o777, linkname: '../somewhere/ä' },
  { ...plain, path: 'folder/other', type: 'link', linkname: `${long}name` },
  { ...plain, path: 'null', type: 'character-device', major: 1, minor: 3 },
  { ...plain, path: 'disk', type: 'block-device', major: 8, minor: 260 },
  { ...plain, path: 'pipe', type: 'fifo' },
  { ...plain, path: 'folder/gone', type: 'whiteout', mode: 0 },
  { ...plain, path: 'folder', type: 'opaque' },
  { ...plain, path: '', type: 'opaque' },
];

describe('what a layer holds that was just written', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-scanned-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** Writes a layer, and scans it as its writer knows it and as it is stored. */
  async function bothOf(given: readonly LayerEntry[], epoch?: number) {
    const memory: Memory = { get: async () => undefined, set: async () => undefined };
    const store = new BlobStore(join(directory, 'blobs'));
    const { holds, ...layer } = await createLayerWriter({ store, memory }).write(given, { epoch });
    const scan = async (known: typeof holds) =>
      await createLayerScanner({ memory, temporaryDirectory: directory }).entries({ ...layer, holds: known });
    return { holds, known: holds && (await scan(holds)), scanned: await scan(undefined) };
  }

  const withoutContents = (list: readonly LayerEntry[] | undefined) =>
    list?.map(({ open, ...entry }) => entry);

  for (const epoch of [undefined, 1_000_000_000])
    it(`is what a scan finds, ${epoch === undefined ? 'with its times' : 'with an epoch'}`, async () => {
      const { known, scanned } = await bothOf(entries, epoch);
      expect(withoutContents(known)).to.deep.equal(withoutContents(scanned));
      const contents = async (list: readonly LayerEntry[]) =>
        await Promise.all(list.map(async ({ open }) => open && (await text(await open()))));
      expect(await contents(known ?? [])).to.deep.equal(await contents(scanned));
    });

  for (const path of ['etc/passwd', 'etc/group', 'folder/.wh.name'])
    it(`is left to a scan with /${path}`, async () => {
      expect((await bothOf([file('a', 'a'), file(path, 'root:x:0:0::/root:/bin/sh')])).holds).to.equal(
        undefined,
      );
    });

  it('is nothing for an empty layer', async () => {
    expect((await bothOf([])).known).to.deep.equal([]);
  });
});
