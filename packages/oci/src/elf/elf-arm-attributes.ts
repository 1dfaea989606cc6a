/** What the build attributes of a 32-bit ARM file say about the processor that it needs. */
export interface ArmCpu {
  /** `Tag_CPU_arch`. */
  readonly cpuArch?: number;
  /** `Tag_ABI_VFP_args` is 1: floating point arguments travel in VFP registers. */
  readonly hardFloat?: boolean;
}

const tagFile = 1;
const tagCpuArch = 6;
const tagVfpArguments = 28;
const tagCompatibility = 32;
/** Below 32, the tags whose value is text; above, the odd ones are. */
const textTags: ReadonlySet<number> = new Set([4, 5]);

/**
 * Reads the content of a section `.ARM.attributes`: Addenda to the ABI for the Arm Architecture, "Build Attributes".
 *
 * `undefined` when it is not of that form, or is cut off before it says anything.
 */
export function cpuOfAttributes(section: Buffer, endianness: 'little' | 'big'): ArmCpu | undefined {
  if (section[0] !== 0x41) {
    return undefined;
  }
  const u32 = (at: number): number => {
    if (at + 4 > section.length) return 0;
    return endianness === 'little' ? section.readUInt32LE(at) : section.readUInt32BE(at);
  };
  for (let vendorAt = 1, length = u32(1); length > 4; vendorAt += length, length = u32(vendorAt)) {
    const nameEnd = section.indexOf(0, vendorAt + 4);
    const end = Math.min(vendorAt + length, section.length);
    if (nameEnd < 0 || nameEnd >= end || section.toString('latin1', vendorAt + 4, nameEnd) !== 'aeabi') {
      continue;
    }
    for (let at = nameEnd + 1, size = u32(at + 1); at < end && size > 5; at += size, size = u32(at + 1)) {
      if (section[at] === tagFile) {
        return fileAttributes(section.subarray(at + 5, Math.min(at + size, end)));
      }
    }
  }
  return undefined;
}

function fileAttributes(attributes: Buffer): ArmCpu {
  let cpuArch: number | undefined;
  let hardFloat: boolean | undefined;
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; at < attributes.length; scale *= 128) {
      const byte = attributes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        return value;
      }
    }
    return Number.NaN;
  };
  const skipText = (): void => {
    const end = attributes.indexOf(0, at);
    at = end < 0 ? attributes.length : end + 1;
  };
  while (at < attributes.length) {
    const tag = number();
    if (tag === tagCompatibility) {
      number();
      skipText();
    } else if (textTags.has(tag) || (tag > tagCompatibility && tag % 2 === 1)) {
      skipText();
    } else {
      const value = number();
      if (Number.isNaN(value)) {
        break;
      }
      if (tag === tagCpuArch) {
        cpuArch = value;
      } else if (tag === tagVfpArguments) {
        hardFloat = value === 1;
      }
    }
  }
  return {
    ...(cpuArch === undefined ? {} : { cpuArch }),
    ...(hardFloat === undefined ? {} : { hardFloat }),
  };
}
