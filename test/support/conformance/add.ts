import { gzipSync } from 'node:zlib';
import { shownContent } from '../image-files.ts';
import { makeTar } from '../tar.ts';
import { archive } from './context.ts';
import type { Row } from './row.ts';

const downloaded = 'sha256:b7a8a844a613be796bc1892dc480f9d92c50d32a5713a87758e5c5addc4ec814';
/** A tar with one file, compressed by the programs of these names. */
const packed = {
  bzip2: Buffer.from(
    'QlpoOTFBWSZTWZJkhJwAADLbgMkAQAB9gAAQbgheAAgIIABUNIAAAGglNNU0BoABrQX0DIDLqlomrIBQr5qoHMgaMKuc9E6lBa6ta5I2O5GxwcGjYZnIi+LuSKcKEhJMkJOA',
    'base64',
  ),
  xz: Buffer.from(
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Af/AEZdADgYSJnNXBtXPNnDuJfP5RrcjV4ThHnZpnK6KC47ENPUCG51ow+DVpiv1kYz+i8dGhDSvwhJkrX+3W/gw5xO46WZ/m0m7gAAAADDTCxLBpw6cAABYoAQAAAAgZ2WZ7HEZ/sCAAAAAARZWg==',
    'base64',
  ),
  zstd: Buffer.from(
    'KLUv/WQAB1UCAJQCcGFja2VkADAwMDA2NDAwMAAxMzEzMjAyNzQ3MTM2ACAwdXN0YXIAMDALAJmBH8IAkQI3RwEAGN6QGDNmqMagVgAmXhGMTsAICiBPrQ==',
    'base64',
  ),
} as const;

const wrong = `sha256:${'0'.repeat(64)}`;

export const addRows: readonly Row[] = [
  ['a plain file', 'FROM BASE\nADD a.txt /added/'],
  ['a folder by ADD', 'FROM BASE\nADD dir /added'],
  ['several of ADD', 'FROM BASE\nADD a.txt dir other /added/'],
  ['a tar', 'FROM BASE\nADD archive.tar /un/packed'],
  ['a compressed tar', 'FROM BASE\nADD archive.tar.gz /un/'],
  ['a tar of bzip2', 'FROM BASE\nADD packed /un/', { files: { packed: packed.bzip2 } }],
  ['a tar of zstd', 'FROM BASE\nADD packed /un/', { files: { packed: packed.zstd } }],
  [
    // That engine starts a program for it, which its packages do not bring.
    'a tar of xz',
    'FROM BASE\nADD packed /un/',
    { files: { packed: packed.xz }, expected: { 'un/packed': 'file 640 0:0 "packed"' } },
  ],
  ['a tar into the root', 'FROM BASE\nADD archive.tar.gz /'],
  ['a tar into a link to a folder', 'FROM BASE\nADD archive.tar /var/abs'],
  [
    'a tar over what is there',
    'FROM BASE\nADD tree.tar /',
    {
      files: {
        'tree.tar': makeTar([
          { path: 'srv/old', content: 'new' },
          { path: 'folder', folder: true, mode: 0o700 },
        ]),
      },
    },
  ],
  [
    'a tar with a file where a folder is',
    'FROM BASE\nADD tree.tar /',
    { files: { 'tree.tar': makeTar([{ path: 'folder', content: 'file' }]) } },
  ],
  [
    'a tar through a link of the image',
    'FROM BASE\nADD tree.tar /',
    {
      files: {
        'tree.tar': makeTar([
          { path: 'lib/new', content: 'new' },
          { path: 'var/abs/n', content: 'n' },
        ]),
      },
    },
  ],
  ['a tar to where a file is', 'FROM BASE\nADD archive.tar /srv/old', { refused: /srv\/old/ }],
  [
    'a tar within a tar',
    'FROM BASE\nADD outer.tar /un/',
    { files: { 'outer.tar': makeTar([{ path: 'inner.tar', content: archive }]) } },
  ],
  ['a tar without a name for it', 'FROM BASE\nADD data /un/', { files: { data: archive } }],
  [
    'a tar with the name of a whiteout',
    'FROM BASE\nADD bad.tar /',
    {
      files: { 'bad.tar': makeTar([{ path: 'srv/.wh.old', content: '' }]) },
      refused: /line 2.*\.wh\.old/,
      differs: { why: 'a name that begins with `.wh.`', refusal: true },
    },
  ],
  ['an empty tar', 'FROM BASE\nADD empty.tar /un/', { files: { 'empty.tar': makeTar([]) } }],
  [
    'a tar with devices',
    'FROM BASE\nADD fifo.tar /un/',
    { files: { 'fifo.tar': makeTar([{ path: 'pipe', type: '6', mode: 0o600 }]) } },
  ],
  [
    'a tar with a name twice',
    'FROM BASE\nADD twice.tar /un/',
    {
      files: {
        'twice.tar': makeTar([
          { path: 'x', content: 'first' },
          { path: 'x', content: 'second' },
        ]),
      },
    },
  ],
  ['a tar in a folder stays a tar', 'FROM BASE\nADD in /un/', { files: { 'in/archive.tar': archive } }],
  ['what only looks like a tar', 'FROM BASE\nADD not-archive.tar.gz /added/'],
  [
    'what only starts like a compressed file',
    'FROM BASE\nADD x.gz /added/',
    { files: { 'x.gz': gzipSync('some text').subarray(0, 12) } },
  ],
  ['tars by a star', 'FROM BASE\nADD archive.* a.txt /mixed/'],
  ['--chown of a tar', 'FROM BASE\nADD --chown=app archive.tar /owned/'],
  ['--chmod of a tar', 'FROM BASE\nADD --chmod=700 archive.tar /owned/'],
  ['ADD --link of a tar', 'FROM BASE\nADD --link archive.tar /opt/'],
  ['ADD --exclude', 'FROM BASE\nADD --exclude=sub dir /x'],
  [
    '--unpack=false',
    'FROM BASE\nADD --unpack=false archive.tar /x/',
    { expected: { 'x/archive.tar': `file 644 0:0 ${shownContent(archive)}` } },
  ],
  ['a URL to a folder', 'FROM BASE\nADD URL/file.txt /got/'],
  ['a URL to a name', 'FROM BASE\nADD URL/file.txt /got/name'],
  ['a URL and a file', 'FROM BASE\nADD URL/file.txt a.txt /got/'],
  ['a URL with --chown', 'FROM BASE\nADD --chown=app:app URL/file.txt /got/'],
  ['a URL with --chmod', 'FROM BASE\nADD --chmod=755 URL/file.txt /got/'],
  ['a URL of an archive', 'FROM BASE\nADD URL/archive.tar.gz /got/'],
  ['a URL through a redirect', 'FROM BASE\nADD URL/moved /got/'],
  ['a URL with a query', 'FROM BASE\nADD URL/file.txt?a=b /got/'],
  ['a URL with an escape in its name', 'FROM BASE\nADD URL/a%20name.txt /got/'],
  ['a URL whose path ends with a slash', 'FROM BASE\nADD URL/folder/ /got/name'],
  ['two URLs', 'FROM BASE\nADD URL/file.txt URL/a%20name.txt /got/'],
  ['ADD --link of a URL', 'FROM BASE\nADD --link URL/file.txt /opt/x'],
  ['a URL with a variable', 'FROM BASE\nARG F=file\nADD URL/$F.txt /got/'],
  ['a URL with a checksum', `FROM BASE\nADD --checksum=${downloaded} URL/file.txt /got/`],
  [
    'a URL with the checksum of something else',
    `FROM BASE\nADD --checksum=${wrong} URL/file.txt /got/`,
    { refused: /line 2.*digest mismatch/ },
  ],
  [
    'a checksum that is none',
    'FROM BASE\nADD --checksum=md5:0 URL/file.txt /got/',
    { refused: /checksum|md5|digest/ },
  ],
  ['a checksum of a file', `FROM BASE\nADD --checksum=${wrong} a.txt /got/`, { refused: /checksum/ }],
  ['a URL that is not there', 'FROM BASE\nADD URL/missing /x', { refused: /line 2.*404/ }],
  ['what ADD does not find', 'FROM BASE\nADD not-there /x', { refused: /not-there/ }],
  ['a flag that ADD has not', 'FROM BASE\nADD --from=BASE /opt /x', { refused: /from/ }],
];
