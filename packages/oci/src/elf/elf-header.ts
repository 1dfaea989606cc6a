import { type ElfBytes, fieldsOf, isElf, recordsOf, type Table } from './elf-bytes.ts';
import type { ElfFacts } from './elf-facts.ts';

const types = ['other', 'relocatable', 'executable', 'dynamic', 'core'] as const;

/** `PT_DYNAMIC` */
export const segmentDynamic = 2;
/** More than real files have: what lies beyond is not read. */
const mostSegments = 512;

/** Where an ELF file's dynamic section lies, by the headers at its beginning. */
export function elfDynamicRange(
  start: ElfBytes,
): { readonly offset: number; readonly size: number } | undefined {
  const header = readHeader(start);
  const segments = header === undefined ? [] : readSegments(start, header);
  const dynamic = segments.find(({ type }) => type === segmentDynamic);
  return dynamic === undefined || !(dynamic.offset >= 0) || !(dynamic.size > 0)
    ? undefined
    : { offset: dynamic.offset, size: dynamic.size };
}

/** The ELF header. */
export interface Header extends Pick<ElfFacts, 'machine' | 'bits' | 'endianness' | 'osAbi' | 'type'> {
  readonly flags: number;
  readonly segments: Table;
  readonly sections: Table;
}

/** An entry of the program header table. */
export interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** @returns `undefined` when the file is no ELF file, or is cut off in its header. */
export function readHeader(bytes: ElfBytes): Header | undefined {
  const record = bytes.slice(0, 64);
  const [bits, endianness] = [
    ({ 1: 32, 2: 64 } as const)[record[4] ?? 0],
    ({ 1: 'little', 2: 'big' } as const)[record[5] ?? 0],
  ];
  if (!isElf(record) || record.length < 20 || bits === undefined || endianness === undefined) {
    return undefined;
  }
  const { u16, u32, word } = fieldsOf(record, { bits, endianness });
  const tables =
    bits === 32 ? { ph: 28, sh: 32, flags: 36, sizes: 42 } : { ph: 32, sh: 40, flags: 48, sizes: 54 };
  return {
    machine: u16(18),
    bits,
    endianness,
    osAbi: record[7] ?? 0,
    type: types[u16(16)] ?? 'other',
    flags: u32(tables.flags),
    segments: { offset: word(tables.ph), entrySize: u16(tables.sizes), count: u16(tables.sizes + 2) },
    sections: { offset: word(tables.sh), entrySize: u16(tables.sizes + 4), count: u16(tables.sizes + 6) },
  };
}

export function readSegments(bytes: ElfBytes, header: Header): Segment[] {
  const at = header.bits === 32 ? { offset: 4, address: 8, size: 16 } : { offset: 8, address: 16, size: 32 };
  const smallest = header.bits === 32 ? 32 : 56;
  const segments: Segment[] = [];
  for (const record of recordsOf(bytes, header.segments, smallest, mostSegments)) {
    const { u32, word } = fieldsOf(record, header);
    segments.push({ type: u32(0), offset: word(at.offset), address: word(at.address), size: word(at.size) });
  }
  return segments;
}
