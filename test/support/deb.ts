import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { type PackEntry, packTar } from '@mabuild/oci';

/** A Debian package that installs the given files: `path` to content, or to `->TARGET` for a symbolic link. */
export async function debOf(
  files: Readonly<Record<string, string>>,
  dataName = 'data.tar.gz',
): Promise<Buffer> {
  const entries = Object.entries(files).map(([name, content]): PackEntry => {
    const common = { name, mode: 0o4755, uid: 0, gid: 0, mtime: 0 };
    if (content.startsWith('->')) return { ...common, type: 'symlink', linkname: content.slice(2) };
    return {
      ...common,
      type: 'file',
      size: Buffer.byteLength(content),
      open: () => Readable.from([content]),
    };
  });
  const tar = gzipSync(await buffer(packTar(entries)));
  return arOf({
    'debian-binary': Buffer.from('2.0\n'),
    'control.tar.xz': Buffer.from('odd'),
    [dataName]: tar,
  });
}

/** An `ar` archive, deb(5). */
export function arOf(members: Readonly<Record<string, Buffer>>): Buffer {
  const parts: Buffer[] = [Buffer.from('!<arch>\n')];
  for (const [name, bytes] of Object.entries(members)) {
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(bytes.length).padEnd(10)}\`\n`;
    parts.push(Buffer.from(header), bytes, Buffer.from(bytes.length % 2 === 1 ? '\n' : ''));
  }
  return Buffer.concat(parts);
}
