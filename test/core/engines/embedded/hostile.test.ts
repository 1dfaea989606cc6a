import { gzipSync } from 'node:zlib';
import { isMabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import { compressedTars } from '../../../support/compressed-tars.ts';
import type { ContextFile } from '../../../support/embedded-builds.ts';
import { type EmbeddedTrial, embeddedTrial } from '../../../support/embedded-engine.ts';
import { type MadeImage, makeImage } from '../../../support/made-image.ts';
import { rejection } from '../../../support/rejection.ts';
import { makeTar, type TarInput } from '../../../support/tar.ts';

type Outcome = Readonly<Record<string, string>> | RegExp;
type ArchiveRow = readonly [string, readonly TarInput[] | Buffer, Outcome];

const cut = (tar: Buffer, at: number): Buffer => tar.subarray(0, at);
function damaged(tar: Buffer, at: number): Buffer {
  const copy = Buffer.from(tar);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

/** What ADD makes of an archive in /in: the paths of its layer with their kinds, or its complaint. */
const archives: readonly ArchiveRow[] = [
  ['climbs out', [{ path: '../out', content: 'x' }], /UNSAFE_PATH at line 2.*"\.\.\/out"/],
  ['climbs out further down', [{ path: 'a/../../out', content: 'x' }], /UNSAFE_PATH/],
  [
    'climbs out in an extended header',
    [{ path: `${'a/'.repeat(60)}${'../'.repeat(61)}out`, content: 'x' }],
    /UNSAFE_PATH/,
  ],
  ['climbs and comes back', [{ path: 'a/../b', content: 'x' }], { b: 'file' }],
  ['is absolute', [{ path: '/etc/x', content: 'x' }], { etc: 'directory', 'etc/x': 'file' }],
  [
    'writes through its own absolute link',
    [
      { path: 'l', symlink: '/etc' },
      { path: 'l/x', content: 'x' },
    ],
    { etc: 'directory', 'etc/x': 'file', l: 'symlink' },
  ],
  [
    'writes through its own climbing link',
    [
      { path: 'l', symlink: '../../../..' },
      { path: 'l/x', content: 'x' },
    ],
    { l: 'symlink', x: 'file' },
  ],
  [
    'writes through a link to a link',
    [
      { path: 'a', symlink: 'b' },
      { path: 'b', symlink: '/c' },
      { path: 'a/x', content: 'x' },
    ],
    { a: 'symlink', b: 'symlink', c: 'directory', 'c/x': 'file' },
  ],
  [
    'writes through a circle',
    [
      { path: 'a', symlink: 'b' },
      { path: 'b', symlink: 'a' },
      { path: 'a/x', content: 'x' },
    ],
    /TOO_MANY_LINKS at line 2/,
  ],
  [
    'writes through itself',
    [
      { path: 'a', symlink: 'a' },
      { path: 'a/x', content: 'x' },
    ],
    /TOO_MANY_LINKS/,
  ],
  [
    'replaces its own link with a file',
    [
      { path: 'l', symlink: '/etc/passwd' },
      { path: 'l', content: 'x' },
    ],
    { l: 'file' },
  ],
  [
    'replaces its own link with a folder',
    [
      { path: 'l', symlink: '/etc' },
      { path: 'l', folder: true },
      { path: 'l/x', content: 'x' },
    ],
    { l: 'directory', 'l/x': 'file' },
  ],
  [
    'has a folder where a file was',
    [
      { path: 'a', content: 'x' },
      { path: 'a/b', content: 'y' },
    ],
    /line 2.*\/in\/a is there/,
  ],
  [
    'has a file where a folder was',
    [
      { path: 'a/b', content: 'y' },
      { path: 'a', content: 'x' },
    ],
    { a: 'file' },
  ],
  ['links hard to outside', [{ path: 'h', hardlink: '../../etc/passwd' }], /UNSAFE_PATH/],
  [
    'links hard to an absolute path',
    [{ path: 'h', hardlink: '/etc/passwd' }],
    /BUILD_FAILED.*line 2.*hard link/,
  ],
  [
    'links hard to what comes later',
    [
      { path: 'h', hardlink: 'f' },
      { path: 'f', content: 'x' },
    ],
    /BUILD_FAILED.*hard link/,
  ],
  [
    'links hard to a folder',
    [
      { path: 'd', folder: true },
      { path: 'h', hardlink: 'd' },
    ],
    /BUILD_FAILED.*hard link/,
  ],
  ['links hard to itself', [{ path: 'h', hardlink: 'h' }], /BUILD_FAILED.*hard link/],
  [
    'links hard through its own link to the base',
    [
      { path: 'l', symlink: '/..' },
      { path: 'h', hardlink: 'l/etc/passwd' },
    ],
    /BUILD_FAILED.*hard link/,
  ],
  [
    'links hard to its own symlink',
    [
      { path: 's', symlink: '/etc/shadow' },
      { path: 'h', hardlink: 's' },
    ],
    { h: 'symlink', s: 'link' },
  ],
  ['hides a file', [{ path: '.wh.etc', content: '' }], /UNSUPPORTED_LAYER at line 2.*takes files away/],
  ['empties a folder', [{ path: '.wh..wh..opq', content: '' }], /UNSUPPORTED_LAYER/],
  ['hides a file of a folder', [{ path: 'a/.wh.b', content: '' }], /UNSUPPORTED_LAYER/],
  [
    'names its root',
    [
      { path: './', folder: true },
      { path: './a', content: 'x' },
    ],
    { a: 'file' },
  ],
  ['names nothing else', [{ path: './', folder: true, mode: 0o700 }], {}],
  [
    'says the same path twice',
    [
      { path: 'a', content: '1' },
      { path: 'a', content: '22' },
    ],
    { a: 'file' },
  ],
  [
    'holds a device and a pipe',
    [
      { path: 'dev/kmem', type: '3' },
      { path: 'p', type: '6' },
    ],
    { dev: 'directory', 'dev/kmem': 'character-device', p: 'fifo' },
  ],
  [
    'holds an unknown kind of member',
    [
      { path: 'v', type: 'V' },
      { path: 'a', content: 'x' },
    ],
    { a: 'file' },
  ],
  ['holds a sparse file of nothing', [{ path: 's', type: 'S' }], { s: 'file' }],
  [
    'is deep',
    [{ path: `${'d/'.repeat(1500)}f`, content: 'x' }],
    {
      ...Object.fromEntries(
        Array.from({ length: 1500 }, (_, depth) => ['d/'.repeat(depth + 1).slice(0, -1), 'directory']),
      ),
      [`${'d/'.repeat(1500)}f`]: 'file',
    },
  ],
  [
    'has names of objects',
    [{ path: '__proto__/constructor', content: 'x' }],
    { ['__proto__']: 'directory', '__proto__/constructor': 'file' },
  ],
  [
    'ends inside a file',
    cut(makeTar([{ path: 'a', content: 'x'.repeat(5000) }]), 2048),
    /INVALID_TAR at line 2/,
  ],
  [
    'ends inside a header',
    Buffer.concat([cut(makeTar([{ path: 'a', content: 'x' }]), 1024), Buffer.alloc(100, 1)]),
    /INVALID_TAR/,
  ],
  [
    'is damaged behind its first member',
    damaged(makeTar([{ path: 'a', content: 'x' }, { path: 'b' }]), 1030),
    /INVALID_TAR.*checksum/,
  ],
  [
    'is damaged from the start',
    damaged(makeTar([{ path: 'a', content: 'x' }]), 3),
    { 'archive.tar': 'plain' },
  ],
  [
    'is compressed and cut off',
    cut(gzipSync(makeTar([{ path: 'a', content: Buffer.alloc(900_000, 'random?') }])), 900),
    /INVALID_COMPRESSION|INVALID_TAR/,
  ],
  [
    'is compressed and damaged at once',
    damaged(gzipSync(makeTar([{ path: 'a' }])), 12),
    { 'archive.tar': 'plain' },
  ],
  ...Object.entries(compressedTars).flatMap(([name, bytes]): readonly ArchiveRow[] => [
    [`is compressed with ${name}`, bytes, { a: 'file' }],
    [
      `is compressed with ${name} and ends too early`,
      cut(bytes, bytes.length - 30),
      /INVALID_COMPRESSION at line 2/,
    ],
    [
      `is compressed with ${name} and has a wrong sum`,
      damaged(bytes, bytes.length - 4),
      /INVALID_COMPRESSION at line 2/,
    ],
    [`is no more than the magic of ${name}`, cut(bytes, 8), { 'archive.tar': 'plain' }],
  ]),
  ['is empty', Buffer.alloc(1024), { 'archive.tar': 'plain' }],
];

/** What a base may not do to a build that writes into it. */
const bases: readonly (readonly [string, readonly TarInput[], string, Outcome])[] = [
  ['climbs out', [{ path: '../out', content: 'x' }], 'COPY a /x', /UNSAFE_PATH at line 2/],
  ['is absolute', [{ path: '/y', content: 'x' }], 'COPY a /x', { x: 'file' }],
  ['takes away its parent', [{ path: 'd/.wh...', content: '' }], 'COPY a /x', /UNSUPPORTED_LAYER/],
  ['takes away nothing', [{ path: '.wh.', content: '' }], 'COPY a /x', /UNSUPPORTED_LAYER/],
  ['links hard to outside', [{ path: 'h', hardlink: '../../etc/passwd' }], 'COPY a /x', /UNSAFE_PATH/],
  ['links hard to nothing', [{ path: 'h', hardlink: 'etc/passwd' }], 'COPY a /x', /INVALID_TAR at line 2/],
  [
    'leads out by a link',
    [{ path: 'd', symlink: '../../../../tmp' }],
    'COPY a /d/x',
    { tmp: 'directory', 'tmp/x': 'file' },
  ],
  [
    'leads to an absolute place',
    [{ path: 'd', symlink: '/tmp' }],
    'WORKDIR /d/x',
    { tmp: 'directory', 'tmp/x': 'directory' },
  ],
  [
    'leads in a circle',
    [
      { path: 'd', symlink: 'e' },
      { path: 'e', symlink: 'd' },
    ],
    'COPY a /d/x',
    /TOO_MANY_LINKS at line 2/,
  ],
  [
    'has a passwd that leads out',
    [{ path: 'etc/passwd', symlink: '/../../../etc/passwd' }],
    'COPY --chown=root a /x',
    { x: 'file' },
  ],
  [
    'has a passwd that is a folder',
    [{ path: 'etc/passwd', folder: true }],
    'COPY --chown=app a /x',
    { x: 'file' },
  ],
  [
    'has a passwd that is no text',
    [{ path: 'etc/passwd', content: Buffer.from([0xff, 0, 0x3a, 10]) }],
    'COPY --chown=app a /x',
    { x: 'file' },
  ],
];

/** What a context may not do: its links lead nowhere but into it. */
const contexts: readonly (readonly [string, Readonly<Record<string, ContextFile>>, string, Outcome])[] = [
  [
    'a link to a file of the machine',
    { l: { link: '/etc/passwd' } },
    'COPY l /x',
    /BUILD_FAILED.*line 2.*"\/l": not found/,
  ],
  ['a link that climbs out', { l: { link: '../../../../../../etc/passwd' } }, 'COPY l /x', /not found/],
  ['a folder behind a link', { l: { link: '/etc' } }, 'COPY l/passwd /x', /not found/],
  ['a link to its own root', { l: { link: '/' }, a: 'A' }, 'COPY l/a /x', { x: 'file' }],
  ['links in a circle', { l: { link: 'm' }, m: { link: 'l' } }, 'COPY l /x', /TOO_MANY_LINKS/],
  ['a name that takes files away', { '.wh.etc': '' }, 'COPY .wh.etc /', /BUILD_FAILED.*takes files away/],
  ['such a name deep in a folder', { 'd/e/.wh..wh..opq': '' }, 'COPY d /', /takes files away/],
  [
    'links that are taken along',
    { 'd/l': { link: '/etc/passwd' } },
    'COPY d /x',
    { x: 'directory', 'x/l': 'symlink' },
  ],
];

describe('embedded engine: hostile input', () => {
  const built = async (trial: EmbeddedTrial, line: string, files: Readonly<Record<string, ContextFile>>) => {
    const { layers } = await trial.build(`FROM base\n${line}`, { files });
    const kinds = Object.entries(layers.at(-1) ?? {}).map(
      ([path, text]) => [path.replace(/\/$/, ''), text.split(' ')[0]] as const,
    );
    return Object.fromEntries(kinds);
  };
  const within = async (image: MadeImage, work: (trial: EmbeddedTrial) => Promise<void>): Promise<void> => {
    const trial = await embeddedTrial({ base: image });
    try {
      await work(trial);
    } finally {
      await trial.remove();
    }
  };
  const complaint = async (building: Promise<unknown>): Promise<string> => {
    const error = await rejection(building);
    if (!isMabuildError(error)) throw error;
    return `${error.code} ${error.message}`;
  };
  const plain = makeImage({
    platform: 'linux/amd64',
    layers: [[{ path: 'etc/passwd', content: 'root:x:0:0:\n' }]],
  });

  for (const [name, archive, outcome] of archives) {
    it(`ADD of an archive that ${name}`, () =>
      within(plain, async (trial) => {
        const files = {
          'archive.tar': Buffer.isBuffer(archive) ? archive : makeTar(archive as readonly TarInput[]),
        };
        const building = built(trial, 'ADD archive.tar /in/', files);
        if (outcome instanceof RegExp) expect(await complaint(building)).to.match(outcome);
        else {
          const found = await building;
          if (Object.values(outcome)[0] === 'plain')
            expect(found).to.deep.equal({ in: 'directory', 'in/archive.tar': 'file' });
          else
            expect(found).to.deep.equal(
              Object.fromEntries([
                ['in', 'directory'],
                ...Object.entries(outcome).map(([path, kind]) => [`in/${path}`, kind]),
              ]),
            );
        }
      }));
  }

  for (const [name, layer, line, outcome] of bases) {
    it(`a base that ${name}`, () =>
      within(makeImage({ platform: 'linux/amd64', layers: [layer] }), async (trial) => {
        const building = built(trial, line, { a: 'A' });
        if (outcome instanceof RegExp) expect(await complaint(building)).to.match(outcome);
        else expect(await building).to.deep.equal(outcome);
      }));
  }

  for (const [name, files, line, outcome] of contexts) {
    it(`a context with ${name}`, () =>
      within(plain, async (trial) => {
        const building = built(trial, line, files);
        if (outcome instanceof RegExp) expect(await complaint(building)).to.match(outcome);
        else expect(await building).to.deep.equal(outcome);
      }));
  }
});
