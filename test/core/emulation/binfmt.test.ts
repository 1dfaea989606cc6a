import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import {
  binfmtFingerprint,
  binfmtTakes,
  chooseBinfmt,
  direntNames,
  parseBinfmtEntries,
  parseBinfmtEntry,
  readBinfmtEntries,
} from '../../../packages/core/src/emulation/binfmt.ts';
import { probeProgram } from '../../../packages/core/src/emulation/elf-program.ts';

const armMagic = '7f454c4601010100000000000000000002002800';
const mask = 'ffffffffffffff00fffffffffffffffffeffffff';
const entryText = (
  more: Partial<Record<'state' | 'interpreter' | 'flags' | 'magic' | 'mask', string>> = {},
): string =>
  `${more.state ?? 'enabled'}\ninterpreter ${more.interpreter ?? '/usr/bin/qemu-arm'}\nflags: ${more.flags ?? 'PF'}\n` +
  `offset 0\nmagic ${more.magic ?? armMagic}\nmask ${more.mask ?? mask}\n`;
const program = (platform: string): Uint8Array => probeProgram(parsePlatform(platform)) ?? new Uint8Array();

describe('binfmt', () => {
  it('reads an entry', () => {
    expect(parseBinfmtEntry(entryText())).to.deep.equal({
      enabled: true,
      interpreter: '/usr/bin/qemu-arm',
      flags: 'PF',
      offset: 0,
      magic: Buffer.from(armMagic, 'hex'),
      mask: Buffer.from(mask, 'hex'),
    });
  });

  it('reads an entry without flags and without a mask', () => {
    const entry = parseBinfmtEntry('enabled\ninterpreter /i\nflags: \noffset 2\nmagic 4d5a\n');
    expect(entry).to.include({ flags: '', offset: 2, mask: undefined });
  });

  const notEntries: readonly [string, string][] = [
    ['nothing', ''],
    ['the status file', 'enabled\n'],
    ['an entry by extension', 'enabled\ninterpreter /usr/bin/x\nflags: \nextension .exe\n'],
    ['no interpreter', 'enabled\nflags: \noffset 0\nmagic 7f\n'],
    ['half a byte of magic', 'enabled\ninterpreter /i\nflags: \noffset 0\nmagic 7f4\n'],
    ['a mask that is no number', 'enabled\ninterpreter /i\nflags: \noffset 0\nmagic 7f\nmask zz\n'],
    ['an offset that is no number', 'enabled\ninterpreter /i\nflags: \noffset x\nmagic 7f\n'],
  ];
  for (const [name, text] of notEntries)
    it(`${name} is no entry`, () => expect(parseBinfmtEntry(text)).to.equal(undefined));

  it('takes files that follow each other apart', () => {
    const texts = [entryText({ interpreter: '/a' }), entryText({ interpreter: '/b', state: 'disabled' })];
    expect(
      parseBinfmtEntries(texts.join('')).map(({ interpreter, enabled }) => [interpreter, enabled]),
    ).to.deep.equal([
      ['/a', true],
      ['/b', false],
    ]);
  });

  const takes: readonly [string, string, Parameters<typeof entryText>[0], boolean][] = [
    ['arm takes arm/v7', 'linux/arm/v7', {}, true],
    ['arm takes arm/v6', 'linux/arm/v6', {}, true],
    ['arm does not take arm64', 'linux/arm64', {}, false],
    ['arm does not take amd64', 'linux/amd64', {}, false],
    ['a disabled entry takes nothing', 'linux/arm/v7', { state: 'disabled' }, false],
    [
      'a magic longer than the program',
      'linux/arm/v7',
      { magic: '7f454c46'.repeat(200), mask: 'ff'.repeat(800) },
      false,
    ],
  ];
  for (const [name, platform, more, expected] of takes)
    it(name, () => {
      const entry = parseBinfmtEntry(entryText(more));
      expect(entry && binfmtTakes(entry, program(platform))).to.equal(expected);
    });

  it('the newest entry wins', () => {
    const entries = parseBinfmtEntries(
      entryText({ interpreter: '/new', flags: 'P' }) + entryText({ interpreter: '/old' }),
    );
    expect(chooseBinfmt(entries, program('linux/arm/v7'))?.interpreter).to.equal('/new');
  });

  it('reads a folder, without what is no entry', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mabuild-binfmt-'));
    try {
      await writeFile(join(directory, 'status'), 'enabled\n');
      await writeFile(join(directory, 'register'), '');
      await writeFile(join(directory, 'qemu-arm'), entryText());
      expect((await readBinfmtEntries(directory)).map(({ flags }) => flags)).to.deep.equal(['PF']);
      expect(await readBinfmtEntries(join(directory, 'absent'))).to.deep.equal([]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('the fingerprint changes with every registration and switch', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mabuild-binfmt-'));
    try {
      const seen: (string | undefined)[] = [];
      const note = async (): Promise<unknown> => seen.push(await binfmtFingerprint(directory));
      await writeFile(join(directory, 'status'), 'enabled\n');
      await note();
      await writeFile(join(directory, 'qemu-arm'), entryText());
      await note();
      await utimes(join(directory, 'qemu-arm'), 1, 1);
      await note();
      await writeFile(join(directory, 'status'), 'disabled\n');
      await note();
      expect(await binfmtFingerprint(directory)).to.equal(seen.at(-1));
      // Elsewhere than on Linux there is none.
      if (seen[0] !== undefined) expect(new Set(seen).size).to.equal(seen.length);
      expect(await binfmtFingerprint(join(directory, 'absent'))).to.equal(undefined);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  const dirent = (name: string, length = 24 + 8 * Math.floor(name.length / 8)): Buffer => {
    const record = Buffer.alloc(length);
    record.writeUInt16LE(length, 16);
    record.write(name, 19);
    return record;
  };
  const records: readonly [string, Buffer, readonly string[]][] = [
    ['nothing', Buffer.alloc(0), []],
    [
      'names in their order',
      Buffer.concat(['.', '..', 'qemu-arm', 'x'].map((name) => dirent(name))),
      ['qemu-arm', 'x'],
    ],
    ['a record that breaks off', Buffer.concat([dirent('a'), dirent('b').subarray(0, 20)]), ['a']],
    ['a record of no length', Buffer.concat([dirent('a'), Buffer.alloc(64)]), ['a']],
  ];
  for (const [name, bytes, expected] of records)
    it(`directory records: ${name}`, () => expect(direntNames(bytes)).to.deep.equal(expected));
});
