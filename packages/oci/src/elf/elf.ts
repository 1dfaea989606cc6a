import { cpuOfAttributes } from './elf-arm-attributes.ts';

/** What an ELF file's headers say about the machine that it runs on: System V ABI, "Object Files". */
export interface ElfFacts {
  /** `e_machine`, e.g. 62 for x86-64, 183 for AArch64. */
  readonly machine: number;
  readonly bits: 32 | 64;
  readonly endianness: 'little' | 'big';
  /** `EI_OSABI`: 0 System V, 3 Linux, 9 FreeBSD. */
  readonly osAbi: number;
  /** `dynamic` is a shared library or a position-independent program. */
  readonly type: 'relocatable' | 'executable' | 'dynamic' | 'core' | 'other';
  /** 32-bit ARM only, and only where the file says which: Go's programs do not. */
  readonly floatAbi?: 'hard' | 'soft';
  /** 32-bit ARM only: `Tag_CPU_arch` of the build attributes (6 is v6, 10 is v7, 14 is v8). */
  readonly cpuArch?: number;
  /** `PT_INTERP`: the loader that starts the program. */
  readonly interpreter?: string;
  /** `DT_NEEDED`: libraries by name. Absent when there is no dynamic section, or it could not be reached. */
  readonly needed?: readonly string[];
  /** `DT_RUNPATH` or, without one, `DT_RPATH`, as written (`$ORIGIN` and all). */
  readonly runPath?: readonly string[];
}

/** Bytes of a file of which some may be missing. */
export interface ElfBytes {
  /**
   * Up to `length` bytes at `offset`; fewer, or none, where the file ends or the bytes are missing.
   */
  slice(offset: number, length: number): Buffer;
}

const machineNames: ReadonlyMap<number, string> = new Map([
  [2, 'sparc'],
  [3, 'x86'],
  [8, 'mips'],
  [20, 'ppc'],
  [21, 'ppc64'],
  [22, 's390'],
  [40, 'arm'],
  [43, 'sparc64'],
  [50, 'ia64'],
  [62, 'x86-64'],
  [183, 'aarch64'],
  [243, 'riscv'],
  [247, 'bpf'],
  [258, 'loongarch'],
]);
const machineArm = 40;
const types = ['other', 'relocatable', 'executable', 'dynamic', 'core'] as const;

const segmentLoad = 1;
const segmentDynamic = 2;
const segmentInterpreter = 3;
const sectionArmAttributes = 0x70000003;
const dynamicNeeded = 1;
const dynamicStrings = 5;
const dynamicRunPathOld = 15;
const dynamicRunPath = 29;

/** More of anything than real files have: what lies beyond is not read. */
const most = { segments: 512, dynamic: 8192, sections: 65_535, text: 4096, attributes: 64 * 1024 };

/** The usual name of an `e_machine` number. */
export function elfMachineName(machine: number): string {
  return machineNames.get(machine) ?? `machine ${machine}`;
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

/**
 * Reads an ELF file's headers and says what they tell; `undefined` when it is no ELF file, or its header is cut off.
 *
 * Nothing in the file is believed: what points outside of it, or says that there is absurdly much, is left out.
 */
export function parseElf(file: Uint8Array | ElfBytes): ElfFacts | undefined {
  const bytes = 'slice' in file && !(file instanceof Uint8Array) ? file : elfBytesOf(file as Uint8Array);
  const header = readHeader(bytes);
  if (header === undefined) {
    return undefined;
  }
  const segments = readSegments(bytes, header);
  const interpreter = segments.find((segment) => segment.type === segmentInterpreter);
  const loader = interpreter === undefined ? undefined : textAt(bytes, interpreter.offset, interpreter.size);
  const dynamic = readDynamic(bytes, header, segments);
  const { machine, bits, endianness, osAbi, type } = header;
  return {
    machine,
    bits,
    endianness,
    osAbi,
    type,
    ...(machine === machineArm && bits === 32 ? armFacts(bytes, header) : {}),
    ...(loader === undefined || loader === '' ? {} : { interpreter: loader }),
    ...dynamic,
  };
}

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

interface Header extends Pick<ElfFacts, 'machine' | 'bits' | 'endianness' | 'osAbi' | 'type'> {
  readonly flags: number;
  readonly segments: Table;
  readonly sections: Table;
}

interface Table {
  readonly offset: number;
  readonly entrySize: number;
  readonly count: number;
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** Reads numbers out of a record; a number that is cut off or too great to be an offset reads as `NaN`. */
interface Fields {
  u16(at: number): number;
  u32(at: number): number;
  /** An address or an offset: 4 bytes of a 32-bit file, 8 of a 64-bit one. */
  word(at: number): number;
}

function fieldsOf(record: Buffer, format: Pick<ElfFacts, 'bits' | 'endianness'>): Fields {
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

function readHeader(bytes: ElfBytes): Header | undefined {
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

/** The records of a table that are there, at most `limit` of them. */
function* recordsOf(bytes: ElfBytes, table: Table, smallest: number, limit: number): Generator<Buffer> {
  const { offset, entrySize, count } = table;
  if (!(offset > 0) || !(entrySize >= smallest) || !(count > 0)) {
    return;
  }
  const whole = bytes.slice(offset, entrySize * Math.min(count, limit));
  for (let at = 0; at + smallest <= whole.length; at += entrySize) {
    yield whole.subarray(at, at + entrySize);
  }
}

function readSegments(bytes: ElfBytes, header: Header): Segment[] {
  const at = header.bits === 32 ? { offset: 4, address: 8, size: 16 } : { offset: 8, address: 16, size: 32 };
  const smallest = header.bits === 32 ? 32 : 56;
  const segments: Segment[] = [];
  for (const record of recordsOf(bytes, header.segments, smallest, most.segments)) {
    const { u32, word } = fieldsOf(record, header);
    segments.push({ type: u32(0), offset: word(at.offset), address: word(at.address), size: word(at.size) });
  }
  return segments;
}

function readDynamic(
  bytes: ElfBytes,
  header: Header,
  segments: readonly Segment[],
): Pick<ElfFacts, 'needed' | 'runPath'> {
  const segment = segments.find(({ type }) => type === segmentDynamic);
  const width = header.bits / 8;
  if (segment === undefined || !(segment.size >= 2 * width)) {
    return {};
  }
  const table = {
    offset: segment.offset,
    entrySize: 2 * width,
    count: Math.floor(segment.size / (2 * width)),
  };
  const neededAt: number[] = [];
  const single = new Map<number, number>();
  let ended = false;
  for (const record of recordsOf(bytes, table, 2 * width, most.dynamic)) {
    const { word } = fieldsOf(record, header);
    const [tag, value] = [word(0), word(width)];
    ended = tag === 0;
    if (ended) {
      break;
    }
    if (tag === dynamicNeeded) {
      neededAt.push(value);
    } else {
      single.set(tag, value);
    }
  }
  const strings = fileOffset(single.get(dynamicStrings), segments);
  if (!ended || strings === undefined) {
    return {};
  }
  const text = (at: number | undefined): string | undefined =>
    at === undefined ? undefined : textAt(bytes, strings + at, most.text);
  const needed = neededAt.map(text);
  const runPath = text(single.get(dynamicRunPath) ?? single.get(dynamicRunPathOld));
  return {
    ...(needed.every((name) => name !== undefined) ? { needed: [...new Set(needed)] } : {}),
    ...(runPath === undefined || runPath === '' ? {} : { runPath: runPath.split(':') }),
  };
}

function fileOffset(address: number | undefined, segments: readonly Segment[]): number | undefined {
  if (address === undefined) {
    return undefined;
  }
  const holder = segments.find(
    (segment) =>
      segment.type === segmentLoad && address >= segment.address && address < segment.address + segment.size,
  );
  return holder === undefined ? undefined : holder.offset + (address - holder.address);
}

/** The zero-terminated text at an offset; `undefined` when it is not there whole. */
function textAt(bytes: ElfBytes, offset: number, longest: number): string | undefined {
  if (!(offset >= 0) || !(longest > 0)) {
    return undefined;
  }
  const piece = bytes.slice(offset, Math.min(longest, most.text));
  const end = piece.indexOf(0);
  return end < 0 ? undefined : piece.toString('utf8', 0, end);
}

/** Flags and build attributes: ELF for the Arm Architecture, and its "Addenda: Build Attributes". */
function armFacts(bytes: ElfBytes, header: Header): Pick<ElfFacts, 'floatAbi' | 'cpuArch'> {
  const { cpuArch, hardFloat } = armAttributes(bytes, header) ?? {};
  const isEabi5 = header.flags >>> 24 === 5;
  const stated = isEabi5 ? ({ 512: 'soft', 1024: 'hard' } as const)[header.flags & 0x600] : undefined;
  const floatAbi = stated ?? (hardFloat === true ? 'hard' : undefined);
  return {
    ...(floatAbi === undefined ? {} : { floatAbi }),
    ...(cpuArch === undefined ? {} : { cpuArch }),
  };
}

function armAttributes(bytes: ElfBytes, header: Header): ReturnType<typeof cpuOfAttributes> {
  for (const record of recordsOf(bytes, header.sections, 40, most.sections)) {
    const { u32, word } = fieldsOf(record, header);
    if (u32(4) === sectionArmAttributes && word(16) > 0 && word(20) > 0) {
      return cpuOfAttributes(bytes.slice(word(16), Math.min(word(20), most.attributes)), header.endianness);
    }
  }
  return undefined;
}
