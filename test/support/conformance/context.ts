import { gzipSync } from 'node:zlib';
import type { ContextFile } from '../embedded-builds.ts';
import { makeTar } from '../tar.ts';

/** A tar with what an archive of ADD may hold. */
export const archive: Buffer = makeTar([
  { path: 'inside', folder: true, mode: 0o750 },
  { path: 'inside/file', content: 'from the archive', mode: 0o640 },
  { path: 'inside/other', hardlink: 'inside/file', mode: 0o640 },
  { path: 'inside/link', symlink: 'file' },
  { path: 'deep/in/it', content: 'deep' },
]);

/** What most rows copy from. */
export const usualFiles: Readonly<Record<string, ContextFile>> = {
  'a.txt': 'A',
  'b.txt': 'B',
  'c.md': 'C',
  'with space.txt': 'space',
  '[odd].txt': 'odd',
  secret: { mode: 0o600, content: 'secret' },
  program: { mode: 0o4755, content: '#!/bin/sh\n' },
  link: { link: 'a.txt' },
  'to-dir': { link: 'dir' },
  broken: { link: 'nowhere' },
  dir: { mode: 0o700, folder: true },
  'dir/one': 'one',
  'dir/two': { mode: 0o444, content: 'two' },
  'dir/sub/three': 'three',
  'dir/sub/up': { link: '../one' },
  'dir/empty': { mode: 0o755, folder: true },
  'other/one': 'another one',
  'other/x/y/z.txt': 'z',
  'rootfs/etc/app.conf': 'conf',
  'rootfs/usr/bin/app': { mode: 0o755, content: 'app' },
  'archive.tar': archive,
  'archive.tar.gz': gzipSync(archive),
  'not-archive.tar.gz': gzipSync('just text'),
  'empty-file': '',
};
