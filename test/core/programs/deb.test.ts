import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { debEntries } from '../../../packages/core/src/programs/deb.ts';
import { arOf, debOf } from '../../support/deb.ts';
import { rejection } from '../../support/rejection.ts';

describe('Debian packages', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-deb-'));
  });
  after(() => rm(directory, { recursive: true }));

  async function read(bytes: Buffer): Promise<Record<string, string>> {
    const file = join(directory, 'some.deb');
    await writeFile(file, bytes);
    const found: Record<string, string> = {};
    for await (const entry of debEntries(file)) found[entry.name] = await text(entry.body);
    return found;
  }

  it('are read past members of odd length', async () => {
    const files = { './usr/bin/a': 'one', './usr/bin/b': 'two' };
    expect(await read(await debOf(files))).to.deep.equal(files);
  });

  const whole = debOf({ './a': 'b' });
  const bad: readonly (readonly [string, () => Promise<Buffer>, string])[] = [
    ['nothing', async () => Buffer.alloc(0), 'ARCHIVE_INVALID'],
    ['another archive', async () => Buffer.from('PK\x03\x04 and more'), 'ARCHIVE_INVALID'],
    ['no files', async () => arOf({ 'debian-binary': Buffer.from('2.0\n') }), 'ARCHIVE_INVALID'],
    ['a header cut off', async () => (await whole).subarray(0, 90), 'ARCHIVE_INVALID'],
    ['files cut off', async () => (await whole).subarray(0, -20), 'INVALID_COMPRESSION'],
    ['a size that is none', async () => Buffer.from(`!<arch>\n${'x'.repeat(58)}\`\n`), 'ARCHIVE_INVALID'],
    [
      'a size below zero',
      async () => Buffer.from(`!<arch>\n${'data.tar'.padEnd(48)}${'-1'.padEnd(10)}\`\n`),
      'ARCHIVE_INVALID',
    ],
    ['files that are none', async () => arOf({ 'data.tar': Buffer.alloc(700, 1) }), 'INVALID_TAR'],
  ];
  for (const [what, bytes, code] of bad) {
    it(`with ${what} are refused`, async () => {
      expect((await rejection(read(await bytes()))).code).to.equal(code);
    });
  }
});
