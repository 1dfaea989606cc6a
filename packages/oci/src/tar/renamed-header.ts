import { block, padded } from './tar-header.ts';
import type { TarRecord } from './tar-records.ts';

/** The header of a member under another name, as itself or as a hard link to `target`; owner, mode and times stay. */
export function renamedHeader(record: TarRecord, name: string, target?: string): Buffer {
  const header = Buffer.from(record.header.subarray(-block));
  const link = target ?? (record.type === '2' ? record.linkname : undefined);
  const paths = [['path', name] as const, ...(link === undefined ? [] : [['linkpath', link] as const])];
  const extension = Buffer.from(paths.map(([key, value]) => paxRecord(key, value)).join(''));
  const prelude = Buffer.from(header);
  writeText(prelude, 'PaxHeader', 0, 100);
  writeHeader(prelude, 'x', extension.length);
  writeText(header, name, 0, 100);
  writeText(header, link ?? '', 157, 100);
  if (target !== undefined) writeHeader(header, '1', 0);
  else writeHeader(header, record.type, record.size);
  const padding = Buffer.alloc(padded(extension.length) - extension.length);
  return Buffer.concat([prelude, extension, padding, header]);
}

function writeHeader(header: Buffer, type: string, size: number): void {
  header.fill(0, 345, 500);
  header.write(type, 156, 1, 'latin1');
  // Above 8 GiB the octal field is too small and GNU's binary form serves.
  if (size < 8 ** 11) header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 12, 'latin1');
  else {
    header.fill(0, 124, 136);
    header[124] = 0x80;
    header.writeBigUInt64BE(BigInt(size), 128);
  }
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
}

function writeText(header: Buffer, value: string, start: number, length: number): void {
  header.fill(0, start, start + length);
  header.write(value, start, length, 'utf8');
}

/** A POSIX extended header record; its length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}
