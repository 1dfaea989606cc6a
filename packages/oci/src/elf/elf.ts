import { cpuOfAttributes } from './elf-arm-attributes.ts';
import { type ElfBytes, elfBytesOf, fieldsOf, recordsOf } from './elf-bytes.ts';
import type { ElfFacts } from './elf-facts.ts';
import { type Header, readHeader, readSegments, type Segment, segmentDynamic } from './elf-header.ts';

const machineArm = 40;
const segmentLoad = 1;
const segmentInterpreter = 3;
const sectionArmAttributes = 0x70000003;
const dynamicNeeded = 1;
const dynamicStrings = 5;
const dynamicRunPathOld = 15;
const dynamicRunPath = 29;

/** More of anything than real files have: what lies beyond is not read. */
const most = { dynamic: 8192, sections: 65_535, text: 4096, attributes: 64 * 1024 };

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
