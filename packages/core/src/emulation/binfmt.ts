import { opendirSync, readFileSync, statSync } from 'node:fs';
import { opendir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where Linux shows its registered program formats. */
export const binfmtDirectory = '/proc/sys/fs/binfmt_misc';

/** One registered format: Linux, "Kernel Support for miscellaneous Binary Formats". */
export interface BinfmtEntry {
  readonly enabled: boolean;
  readonly interpreter: string;
  /** e.g. `PF`; F means that the kernel opened the interpreter at registration. */
  readonly flags: string;
  readonly offset: number;
  readonly magic: Uint8Array;
  readonly mask: Uint8Array | undefined;
}

/** Reads what the kernel shows of one entry; `undefined` when it matches by file name or is no entry at all. */
export function parseBinfmtEntry(text: string): BinfmtEntry | undefined {
  const fields = new Map<string, string>();
  const lines = text.split('\n');
  for (const line of lines) {
    const match = /^(interpreter|flags:|offset|magic|mask)\s?(.*)$/.exec(line);
    if (match) fields.set(match[1] ?? '', match[2] ?? '');
  }
  const interpreter = fields.get('interpreter');
  const magic = fields.get('magic');
  const mask = fields.get('mask');
  const offset = Number(fields.get('offset') ?? '0');
  if (!interpreter || !isHex(magic) || (mask !== undefined && !isHex(mask)) || !Number.isSafeInteger(offset))
    return undefined;
  return {
    enabled: lines[0]?.trim() === 'enabled',
    interpreter,
    flags: (fields.get('flags:') ?? '').trim(),
    offset,
    magic: Buffer.from(magic, 'hex'),
    mask: mask === undefined ? undefined : Buffer.from(mask, 'hex'),
  };
}

/** Reads entries whose texts follow each other, as they come from one program that wrote several files. */
export function parseBinfmtEntries(text: string): readonly BinfmtEntry[] {
  return text
    .split(/^(?=(?:enabled|disabled)$)/m)
    .map(parseBinfmtEntry)
    .filter((entry) => entry !== undefined);
}

/** Tells whether an enabled entry takes a program that starts with these bytes. */
export function binfmtTakes(entry: BinfmtEntry, program: Uint8Array): boolean {
  if (!entry.enabled || program.length < entry.offset + entry.magic.length) return false;
  return entry.magic.every((byte, index) => {
    const mask = entry.mask?.[index] ?? 0xff;
    return ((program[entry.offset + index] ?? 0) & mask) === (byte & mask);
  });
}

/** The entry that the kernel uses for a program: the newest that takes it. @param entries newest first, as the kernel lists them. */
export function chooseBinfmt(entries: readonly BinfmtEntry[], program: Uint8Array): BinfmtEntry | undefined {
  return entries.find((entry) => binfmtTakes(entry, program));
}

/** Reads the entries of this machine, newest first; none where the folder is absent. */
export async function readBinfmtEntries(
  directory: string = binfmtDirectory,
): Promise<readonly BinfmtEntry[]> {
  const entries: BinfmtEntry[] = [];
  try {
    // Not readdir, which sorts: the kernel's own order is newest first.
    for await (const { name } of await opendir(directory)) {
      if (name === 'register' || name === 'status') continue;
      const entry = parseBinfmtEntry(await readFile(join(directory, name), 'utf8'));
      if (entry !== undefined) entries.push(entry);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return entries;
}

/**
 * A text that changes with everything on this machine that decides what it runs: a restart, a registration, a switch.
 * `undefined` where that cannot be read.
 */
export async function binfmtFingerprint(directory: string = binfmtDirectory): Promise<string | undefined> {
  const parts: string[] = [];
  try {
    // The kernel answers at once, and there are dozens of files.
    parts.push(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
    const folder = opendirSync(directory);
    try {
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
        const { name } = entry;
        if (name === 'register') continue;
        const file = join(directory, name);
        // The same entry registered again may hold another interpreter open.
        parts.push(`${name} ${statSync(file).mtimeMs}`, readFileSync(file, 'utf8'));
      }
    } finally {
      folder.closeSync();
    }
  } catch {
    return undefined;
  }
  return parts.join('\n');
}

/** Takes the names out of `getdents64` records (little-endian), in their order. */
export function direntNames(records: Uint8Array): readonly string[] {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const names: string[] = [];
  for (let offset = 0; offset + 19 < records.length; ) {
    const length = view.getUint16(offset + 16, true);
    if (length < 20 || offset + length > records.length) break;
    const bytes = records.subarray(offset + 19, offset + length);
    const end = bytes.indexOf(0);
    const name = new TextDecoder().decode(bytes.subarray(0, end === -1 ? undefined : end));
    if (name !== '.' && name !== '..') names.push(name);
    offset += length;
  }
  return names;
}

function isHex(text: string | undefined): text is string {
  return text !== undefined && text.length % 2 === 0 && /^[0-9a-f]+$/i.test(text);
}
