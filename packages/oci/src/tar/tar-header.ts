import { MabuildError } from '../error.ts';

/** Bytes of a header; contents are padded to a multiple of it. */
export const block = 512;

/** The type flag; old archives have none for a file. */
export function typeOf(header: Buffer): string {
  const flag = header[156] ?? 0;
  return flag === 0 ? '0' : String.fromCharCode(flag);
}

/** The member's path as the header alone has it. */
export function headerName(header: Buffer): string {
  const name = text(header, 0, 100);
  const isPosix = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? text(header, 345, 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Text up to the first zero byte. */
export function text(bytes: Buffer, start: number, length: number): string {
  const end = bytes.indexOf(0, start);
  return bytes.toString('utf8', start, end < 0 || end > start + length ? start + length : end);
}

/** Octal text, or GNU's big-endian binary when the first bit is set. */
export function number(header: Buffer, start: number, length: number): number {
  if ((header[start] ?? 0) & 0x80) {
    let value = 0;
    for (let at = start + 1; at < start + length; at += 1) value = value * 256 + (header[at] ?? 0);
    if (!Number.isSafeInteger(value)) throw damaged('a number that is too large');
    return value;
  }
  const digits = header
    .toString('latin1', start, start + length)
    .replace(/[\0 ].*$/s, '')
    .trim();
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw damaged('a number that is not octal');
  return Number.parseInt(digits, 8);
}

/** @throws MabuildError `INVALID_TAR` */
export function checkSum(header: Buffer): void {
  let sum = 8 * 0x20;
  for (let at = 0; at < block; at += 1) if (at < 148 || at >= 156) sum += header[at] ?? 0;
  const stated = header.toString('latin1', 148, 156).replace(/\0.*$/s, '').trim();
  if (Number.parseInt(stated, 8) !== sum) throw damaged('a header whose checksum is wrong');
}

export function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

export function padded(size: number): number {
  return Math.ceil(size / block) * block;
}

export function damaged(what: string): MabuildError {
  return new MabuildError(`reading a layer's tar: ${what}`, {
    code: 'INVALID_TAR',
    hint: 'the archive is damaged or cut off',
  });
}
