/** What {@link makeElf} shall write into the headers. */
export interface ElfRecipe {
  readonly machine: number;
  readonly bits?: 32 | 64;
  readonly endianness?: 'little' | 'big';
  readonly type?: number;
  readonly osAbi?: number;
  readonly flags?: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly runPath?: string;
  /** Writes a section .ARM.attributes. */
  readonly attributes?: { readonly cpuArch?: number; readonly vfpArguments?: number };
  /** Bytes of code between the headers and the rest. */
  readonly padding?: number;
}

/** Machines as `e_machine` numbers them. */
export const machines = {
  x86: 3,
  arm: 40,
  x64: 62,
  arm64: 183,
  riscv64: 243,
  s390x: 22,
  ppc64: 21,
  bpf: 247,
} as const;

/** Flags of `e_flags` for 32-bit ARM. */
export const armFlags = { eabi5: 0x05000000, soft: 0x05000200, hard: 0x05000400, go: 0x05000002 } as const;

/** Writes a small ELF file that nobody can run but whose headers are true to form. */
export function makeElf(recipe: ElfRecipe): Buffer {
  const { bits = recipe.machine === machines.arm || recipe.machine === machines.x86 ? 32 : 64 } = recipe;
  const big = recipe.endianness === 'big';
  const wide = bits === 64;
  const u = (size: number, value: number): Buffer => {
    const bytes = Buffer.alloc(size);
    if (size === 8) {
      big ? bytes.writeBigUInt64BE(BigInt(value)) : bytes.writeBigUInt64LE(BigInt(value));
    } else {
      big ? bytes.writeUIntBE(value, 0, size) : bytes.writeUIntLE(value, 0, size);
    }
    return bytes;
  };
  const word = (value: number): Buffer => u(wide ? 8 : 4, value);

  const dynamic = recipe.needed !== undefined || recipe.runPath !== undefined;
  const headerSize = wide ? 64 : 52;
  const segmentSize = wide ? 56 : 32;
  const segmentCount = 1 + (recipe.interpreter === undefined ? 0 : 1) + (dynamic ? 1 : 0);
  let at = headerSize + segmentSize * segmentCount + (recipe.padding ?? 0);
  const pieces: Buffer[] = [Buffer.alloc(recipe.padding ?? 0, 0x90)];
  const place = (piece: Buffer): { offset: number; size: number } => {
    pieces.push(piece);
    at += piece.length;
    return { offset: at - piece.length, size: piece.length };
  };

  const loader = recipe.interpreter === undefined ? undefined : place(Buffer.from(`${recipe.interpreter}\0`));
  const names = [...(recipe.needed ?? []), recipe.runPath ?? ''];
  const strings = place(Buffer.from(`\0${names.join('\0')}\0`));
  const nameAt = (index: number): number =>
    names.slice(0, index).reduce((sum, name) => sum + Buffer.byteLength(name) + 1, 1);
  const entries = dynamic
    ? [
        ...(recipe.needed ?? []).map((_, index) => [1, nameAt(index)] as const),
        ...(recipe.runPath === undefined ? [] : [[29, nameAt(names.length - 1)] as const]),
        [5, strings.offset] as const,
        [0, 0] as const,
      ]
    : [];
  const table = place(Buffer.concat(entries.flatMap(([tag, value]) => [word(tag), word(value)])));
  const attributes =
    recipe.attributes === undefined ? undefined : place(attributeSection(recipe.attributes, u));
  const sections = attributes === undefined ? undefined : place(sectionTable(attributes, word, u));

  const segment = (type: number, offset: number, size: number): Buffer =>
    wide
      ? Buffer.concat([
          u(4, type),
          u(4, 5),
          word(offset),
          word(offset),
          word(offset),
          word(size),
          word(size),
          word(8),
        ])
      : Buffer.concat([
          u(4, type),
          word(offset),
          word(offset),
          word(offset),
          word(size),
          word(size),
          u(4, 5),
          word(8),
        ]);
  const header = Buffer.concat([
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, big ? 2 : 1, 1, recipe.osAbi ?? 0]),
    Buffer.alloc(8),
    u(2, recipe.type ?? (dynamic ? 3 : 2)),
    u(2, recipe.machine),
    u(4, 1),
    word(headerSize),
    word(headerSize),
    word(sections?.offset ?? 0),
    u(4, recipe.flags ?? 0),
    u(2, headerSize),
    u(2, segmentSize),
    u(2, segmentCount),
    u(2, wide ? 64 : 40),
    u(2, sections === undefined ? 0 : 2),
    u(2, 0),
  ]);
  const segments = [
    segment(1, 0, at),
    ...(loader === undefined ? [] : [segment(3, loader.offset, loader.size)]),
    ...(dynamic ? [segment(2, table.offset, table.size)] : []),
  ];
  return Buffer.concat([header, ...segments, ...pieces]);
}

type WriteNumber = (size: number, value: number) => Buffer;

function attributeSection(attributes: NonNullable<ElfRecipe['attributes']>, u: WriteNumber): Buffer {
  const tags = Buffer.concat([
    Buffer.from([5]),
    Buffer.from('7-A\0'),
    ...(attributes.cpuArch === undefined ? [] : [Buffer.from([6, attributes.cpuArch])]),
    Buffer.from([32, 1]),
    Buffer.from('gnu\0'),
    ...(attributes.vfpArguments === undefined ? [] : [Buffer.from([28, attributes.vfpArguments])]),
    Buffer.from([67]),
    Buffer.from('2.09\0'),
  ]);
  const file = Buffer.concat([Buffer.from([1]), u(4, tags.length + 5), tags]);
  const vendor = Buffer.concat([Buffer.from('aeabi\0'), file]);
  const other = Buffer.concat([u(4, 4 + 4 + 3), Buffer.from('gnu\0'), Buffer.from([1, 2, 3])]);
  return Buffer.concat([Buffer.from('A'), other, u(4, vendor.length + 4), vendor]);
}

function sectionTable(
  attributes: { offset: number; size: number },
  word: (value: number) => Buffer,
  u: WriteNumber,
): Buffer {
  const record = Buffer.concat([
    u(4, 0),
    u(4, 0x70000003),
    word(0),
    word(0),
    word(attributes.offset),
    word(attributes.size),
    u(4, 0),
    u(4, 0),
    word(1),
    word(0),
  ]);
  return Buffer.concat([Buffer.alloc(record.length), record]);
}
