import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** One entry of a tar that a test makes. */
export interface TarInput {
  readonly path: string;
  /** Permission bits. Default: 0o755 for folders and executables made with {@link program}, 0o644 else. */
  readonly mode?: number;
  readonly content?: Buffer | string;
  readonly symlink?: string;
  readonly hardlink?: string;
  readonly folder?: true;
  /** The header's type flag, for members that are none of these. */
  readonly type?: string;
}

/** Writes a tar (ustar) in memory. */
export function makeTar(entries: readonly TarInput[]): Buffer {
  const blocks: Buffer[] = [];
  for (const entry of entries) {
    const content = Buffer.from(entry.content ?? '');
    if (Buffer.byteLength(entry.path) > 99 || Buffer.byteLength(entry.symlink ?? '') > 99) {
      const records = [
        paxRecord('path', entry.path),
        ...(entry.symlink === undefined ? [] : [paxRecord('linkpath', entry.symlink)]),
      ];
      blocks.push(...block('pax', 'x', 0o644, Buffer.from(records.join('')), ''));
    }
    const [type, target] =
      entry.symlink !== undefined
        ? ['2', entry.symlink]
        : entry.hardlink !== undefined
          ? ['1', entry.hardlink]
          : [entry.type ?? (entry.folder === true ? '5' : '0'), ''];
    const mode = entry.mode ?? (type === '0' ? 0o644 : 0o755);
    blocks.push(...block(entry.path, type, mode, content, target));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** The files of a folder, as entries; `place` moves a path or, with `undefined`, leaves it out. */
export async function entriesOf(
  folder: string,
  place: (path: string) => string | undefined = (path) => path,
): Promise<TarInput[]> {
  const entries: TarInput[] = [];
  for (const found of (await readdir(folder, { recursive: true })).sort()) {
    const path = place(found);
    if (path === undefined) {
      continue;
    }
    const file = join(folder, found);
    const info = await lstat(file);
    const mode = info.mode & 0o7777;
    if (info.isSymbolicLink()) {
      entries.push({ path, symlink: await readlink(file) });
    } else if (info.isDirectory()) {
      entries.push({ path, mode, folder: true });
    } else if (info.isFile()) {
      entries.push({ path, mode, content: await readFile(file) });
    }
  }
  return entries;
}

function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  while (String(length).length + Buffer.byteLength(rest) !== length) {
    length = String(length).length + Buffer.byteLength(rest);
  }
  return `${length}${rest}`;
}

function block(path: string, type: string, mode: number, content: Buffer, target: string): Buffer[] {
  const header = Buffer.alloc(512);
  header.write(path.slice(0, 100), 0);
  header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write(target.slice(0, 100), 157);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
}
