import { execFileSync } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { unpackTar } from '../../../packages/core/src/context/unpack.ts';
import { rejection } from '../../support/rejection.ts';
import { entriesOf, makeTar, type TarInput } from '../../support/tar.ts';

let base: string;
let target: string;
let outside: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'mabuild-unpack-'));
  target = join(base, 'target');
  outside = join(base, 'outside');
  await Promise.all([mkdir(target), mkdir(outside, { mode: 0o700 })]);
  await writeFile(join(outside, 'secret'), 'secret', { mode: 0o600 });
});
afterEach(() => rm(base, { recursive: true, force: true }));

function unpack(entries: readonly TarInput[]): Promise<void> {
  return unpackTar(Readable.from([makeTar(entries)]), target);
}

/** What a tar must not do, and what it is refused with; `/OUTSIDE` stands for a folder beside the target. */
const bad: readonly (readonly [string, readonly TarInput[], string])[] = [
  ['a name with ..', [{ path: '../outside/new', content: 'x' }], 'UNSAFE_PATH'],
  ['.. in the middle that stays inside', [{ path: 'a/../b', content: 'x' }], 'UNSAFE_PATH'],
  ['.. behind a backslash', [{ path: 'a\\..\\..\\b', content: 'x' }], 'UNSAFE_PATH'],
  ['an absolute name', [{ path: '/OUTSIDE/new', content: 'x' }], 'UNSAFE_PATH'],
  [
    'a file below a link that leads outside',
    [
      { path: 'l', symlink: '../outside' },
      { path: 'l/new', content: 'x' },
    ],
    'UNSAFE_PATH',
  ],
  [
    'a file below an absolute link',
    [
      { path: 'l', symlink: '/OUTSIDE' },
      { path: 'l/new', content: 'x' },
    ],
    'UNSAFE_PATH',
  ],
  [
    'a folder below a link',
    [
      { path: 'l', symlink: '../outside' },
      { path: 'l/new/', folder: true },
    ],
    'UNSAFE_PATH',
  ],
  [
    'a link below a link',
    [
      { path: 'a', symlink: '../outside' },
      { path: 'a/b', symlink: 'secret' },
    ],
    'UNSAFE_PATH',
  ],
  [
    'a file below a file',
    [
      { path: 'a', content: 'x' },
      { path: 'a/b', content: 'y' },
    ],
    'UNSAFE_PATH',
  ],
  [
    'a file in the place of a folder',
    [
      { path: 'a/b', content: 'x' },
      { path: 'a', content: 'y' },
    ],
    'UNSAFE_PATH',
  ],
  ['a hard link to outside', [{ path: 'h', hardlink: '../outside/secret' }], 'UNSAFE_PATH'],
  ['a hard link to an absolute name', [{ path: 'h', hardlink: '/OUTSIDE/secret' }], 'UNSAFE_PATH'],
  [
    'a hard link through a link',
    [
      { path: 'l', symlink: '../outside' },
      { path: 'h', hardlink: 'l/secret' },
    ],
    'UNSAFE_PATH',
  ],
  ['a hard link to nothing', [{ path: 'h', hardlink: 'nothing' }], 'INVALID_TAR'],
  [
    'a hard link to a folder',
    [
      { path: 'd/', folder: true },
      { path: 'h', hardlink: 'd' },
    ],
    'INVALID_TAR',
  ],
];

/** Entries, and what `find -printf "%P %y %m %l"` says then. */
const good: readonly (readonly [string, readonly TarInput[], readonly string[]])[] = [
  [
    'files, folders, modes with setuid',
    [
      { path: './d/', folder: true, mode: 0o1777 },
      { path: './d/f', content: 'x', mode: 0o4751 },
      { path: 'g', content: '', mode: 0o666 },
    ],
    ['d d 1777 ', 'd/f f 4751 ', 'g f 666 '],
  ],
  [
    'folders that are not listed',
    [{ path: 'a/b/c', content: 'x' }],
    ['a d 755 ', 'a/b d 755 ', 'a/b/c f 644 '],
  ],
  [
    'a folder that is listed after what lies in it, read-only',
    [
      { path: 'a/b', content: 'x' },
      { path: 'a/', folder: true, mode: 0o555 },
    ],
    ['a d 555 ', 'a/b f 644 '],
  ],
  [
    'links that lead outside, kept as they are',
    [
      { path: 'bin', symlink: '/usr/bin' },
      { path: 'up', symlink: '../outside' },
    ],
    ['bin l 777 /usr/bin', 'up l 777 ../outside'],
  ],
  [
    'a folder in the place of a link: the folder behind it keeps its mode',
    [
      { path: 'l', symlink: '../outside' },
      { path: 'l/', folder: true, mode: 0o777 },
      { path: 'l/f', content: 'x' },
    ],
    ['l d 777 ', 'l/f f 644 '],
  ],
  [
    'a file in the place of a link: nothing is written through it',
    [
      { path: 'l', symlink: '../outside/secret' },
      { path: 'l', content: 'new', mode: 0o666 },
    ],
    ['l f 666 '],
  ],
  [
    'a hard link to a link is a link',
    [
      { path: 'l', symlink: '../outside/secret' },
      { path: 'h', hardlink: 'l' },
      { path: 'h', content: 'new' },
    ],
    ['h f 644 ', 'l l 777 ../outside/secret'],
  ],
  ['names that no header has room for', [{ path: `${'d/'.repeat(80)}f`, content: 'x' }], []],
];

describe('unpackTar', () => {
  for (const [what, entries, code] of bad) {
    it(`refuses ${what}, and leaves the world outside alone`, async () => {
      const rows = entries.map((entry) => JSON.parse(JSON.stringify(entry).replaceAll('/OUTSIDE', outside)));
      const error = await rejection(unpack(rows));
      expect(error.code).to.equal(code);
      expect(error.message).to.contain(`unpacking a tar into ${target}: `);
      await expectUntouched();
    });
  }

  for (const [what, entries, expected] of good) {
    it(`unpacks ${what}`, async () => {
      await unpack(entries);
      if (expected.length > 0) expect(find(target)).to.deep.equal(expected);
      await expectUntouched();
    });
  }

  it('gives a file that is replaced no other name', async () => {
    await unpack([
      { path: 'a', content: 'first' },
      { path: 'b', hardlink: 'a' },
      { path: 'a', content: 'second' },
    ]);
    expect(await readFile(join(target, 'b'), 'utf8')).to.equal('first');
    expect(await readFile(join(target, 'a'), 'utf8')).to.equal('second');
  });

  it('makes hard links hard', async () => {
    await unpack([
      { path: 'd/a', content: 'x' },
      { path: 'b', hardlink: 'd/a' },
    ]);
    expect((await stat(join(target, 'b'))).ino).to.equal((await stat(join(target, 'd/a'))).ino);
  });

  it('does not follow a link that was there before', async () => {
    await symlink(outside, join(target, 'l'));
    expect((await rejection(unpack([{ path: 'l/new', content: 'x' }]))).code).to.equal('UNSAFE_PATH');
    await expectUntouched();
  });

  it('unpacks into a folder that is named through a link', async () => {
    await symlink(target, join(base, 'alias'));
    const tar = makeTar([{ path: 'a', content: 'x' }]);
    await unpackTar(Readable.from([tar]), join(base, 'alias'));
    expect(await readFile(join(target, 'a'), 'utf8')).to.equal('x');
  });

  it('gives back what tar packs', async () => {
    const from = join(base, 'from');
    await mkdir(join(from, 'sub'), { recursive: true });
    await writeFile(join(from, 'sub/file'), 'content');
    await chmod(join(from, 'sub'), 0o750);
    await symlink('sub/file', join(from, 'link'));
    const tar = execFileSync('tar', ['-C', from, '-c', '.']);
    await unpackTar(Readable.from([tar]), target);
    expect(await entriesOf(target)).to.deep.equal(await entriesOf(from));
    expect((await lstat(join(target, 'sub'))).mtime.getTime()).to.be.closeTo(
      (await lstat(join(from, 'sub'))).mtime.getTime(),
      1000,
    );
    expect(await readlink(join(target, 'link'))).to.equal('sub/file');
  });

  for (const [what, length] of [
    ['inside a header', 100],
    ['inside a file', 512 + 700],
  ] as const) {
    it(`refuses a tar that is cut off ${what}`, async () => {
      const tar = makeTar([{ path: 'a', content: Buffer.alloc(2000, 1) }]).subarray(0, length);
      expect((await rejection(unpackTar(Readable.from([tar]), target))).code).to.equal('INVALID_TAR');
    });
  }

  it('passes on what the stream fails with', async () => {
    const failure = new Error('the disk is on fire');
    const tar = makeTar([{ path: 'a', content: Buffer.alloc(2000, 1) }]).subarray(0, 1000);
    const broken = async function* (): AsyncGenerator<Buffer> {
      yield tar;
      throw failure;
    };
    expect(await rejection(unpackTar(Readable.from(broken()), target))).to.equal(failure);
  });

  it('stops with the reason of an abort', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const slow = async function* (): AsyncGenerator<Buffer> {
      yield makeTar([{ path: 'a', content: Buffer.alloc(2000, 1) }]).subarray(0, 1000);
      controller.abort(reason);
      await new Promise(() => undefined);
    };
    const options = { signal: controller.signal };
    expect(await rejection(unpackTar(Readable.from(slow()), target, options))).to.equal(reason);
  });
});

async function expectUntouched(): Promise<void> {
  expect(find(outside)).to.deep.equal(['secret f 600 ']);
  expect((await stat(outside)).mode & 0o7777).to.equal(0o700);
  expect(await readFile(join(outside, 'secret'), 'utf8')).to.equal('secret');
  expect((await stat(join(outside, 'secret'))).nlink).to.equal(1);
}

function find(folder: string): string[] {
  const listing = execFileSync('find', [folder, '-mindepth', '1', '-printf', '%P %y %m %l\\n'], {
    encoding: 'utf8',
  });
  return listing
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}
