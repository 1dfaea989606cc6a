import type { ElfFacts } from './elf-facts.ts';

/** Bytes of a file of which some may be missing. */
export interface ElfBytes {
  /**
   * Up to `length` bytes at `offset`; fewer, or none, where the file ends or the bytes are missing.
   */
  slice(offset: number, length: number): Buffer;
}

/** Tells whether a file that starts with these bytes is an ELF file. */
export function isElf(start: Uint8Array): boolean {
  return (
    start.length >= 4 && start[0] === 0x7f && start[1] === 0x45 && start[2] === 0x4c && start[3] === 0x46
  );
}

/** An {@link ElfBytes} of a file, or of its beginning, in memory. */
export function elfBytesOf(content: Uint8Array): ElfBytes {
  const buffer = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return { slice: (offset, length) => buffer.subarray(Math.min(offset, buffer.length), offset + length) };
}

/** Records of one size, one after the other. */
export interface Table {
  readonly offset: number;
  readonly entrySize: number;
  readonly count: number;
}

/** Reads numbers out of a record; a number that is cut off or too great to be an offset reads as `NaN`. */
interface Fields {
  u16(at: number): number;
  u32(at: number): number;
  /** An address or an offset: 4 bytes of a 32-bit file, 8 of a 64-bit one. */
  word(at: number): number;
}

export function fieldsOf(record: Buffer, format: Pick<ElfFacts, 'bits' | 'endianness'>): Fields {
  const little = format.endianness === 'little';
  const u16 = (at: number): number => {
    if (at + 2 > record.length) return Number.NaN;
    return little ? record.readUInt16LE(at) : record.readUInt16BE(at);
  };
  const u32 = (at: number): number => {
    if (at + 4 > record.length) return Number.NaN;
    return little ? record.readUInt32LE(at) : record.readUInt32BE(at);
  };
  const word = (at: number): number => {
    if (format.bits === 32) return u32(at);
    const [low, high] = little ? [u32(at), u32(at + 4)] : [u32(at + 4), u32(at)];
    const value = high * 2 ** 32 + low;
    return Number.isSafeInteger(value) ? value : Number.NaN;
  };
  return { u16, u32, word };
}

/** The records of a table that are there, at most `limit` of them. */
export function* recordsOf(
  bytes: ElfBytes,
  table: Table,
  smallest: number,
  limit: number,
): Generator<Buffer> {
  const { offset, entrySize, count } = table;
  if (!(offset > 0) || !(entrySize >= smallest) || !(count > 0)) {
    return;
  }
  const whole = bytes.slice(offset, entrySize * Math.min(count, limit));
  for (let at = 0; at + smallest <= whole.length; at += entrySize) {
    yield whole.subarray(at, at + entrySize);
  }
}
