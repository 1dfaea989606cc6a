import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { formatPlatform, MabuildError, type Platform } from '@mabuild/oci';

/** Folders in which distributions put static qemu programs. */
export const qemuDirectories: readonly string[] = ['/usr/bin', '/usr/local/bin', '/usr/libexec/qemu-binfmt'];

/** What qemu calls the architectures that it names otherwise than Go. */
const qemuNames: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  '386': 'i386',
  arm64: 'aarch64',
  mips64le: 'mips64el',
  loong64: 'loongarch64',
};

const machines: Readonly<Record<string, number>> = {
  amd64: 62,
  '386': 3,
  arm64: 183,
  arm: 40,
  riscv64: 243,
  s390x: 22,
  ppc64le: 21,
  loong64: 258,
  mips64le: 8,
};

export interface QemuRequest {
  /** Whose programs it shall run. */
  readonly platform: Platform;
  /** Where it will run: the engine's host. */
  readonly host: Platform;
  /** Searched in order; a file is taken as the emulator itself. */
  readonly directories: readonly string[];
}

/**
 * Finds a static qemu that can be put into a build.
 * @throws MabuildError `QEMU_NOT_FOUND` with every place that was looked at and why it did not do.
 */
export async function findQemu({ platform, host, directories }: QemuRequest): Promise<string> {
  const architecture = qemuNames[platform.architecture] ?? platform.architecture;
  const names = [`qemu-${architecture}-static`, `qemu-${architecture}`, `${architecture}-binfmt-P`];
  const refused: string[] = [];
  for (const directory of directories) {
    const isFile = await stat(directory).then(
      (found) => found.isFile(),
      () => false,
    );
    for (const path of isFile ? [directory] : names.map((name) => join(directory, name))) {
      const why = await whyNotUsable(path, host);
      if (why === undefined) return path;
      if (why !== absent) refused.push(`${path} ${why}`);
    }
  }
  throw new MabuildError(
    `no static qemu for ${formatPlatform(platform)} that runs on a ${formatPlatform(host)} host was found in ${directories.join(', ')}` +
      (refused.length === 0 ? '' : ` (${refused.join('; ')})`),
    {
      code: 'QEMU_NOT_FOUND',
      hint: `\`mabuild emulator fetch\` gets it; or install qemu-user-static, or name a folder that holds ${basename(names[0] ?? '')} with --qemu`,
    },
  );
}

const absent = 'is absent';

async function whyNotUsable(path: string, host: Platform): Promise<string | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? absent : `cannot be read (${code})`;
  }
  try {
    // Program headers follow the ELF header directly in every linker's output.
    const head = Buffer.alloc(4096);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return whyNotStatic(head.subarray(0, bytesRead), host);
  } catch (error) {
    return `cannot be read (${(error as NodeJS.ErrnoException).code})`;
  } finally {
    await file.close();
  }
}

/** Looks for what would keep an ELF program from running in an empty container on this host. */
function whyNotStatic(head: Buffer, host: Platform): string | undefined {
  if (head.length < 64 || head.readUInt32BE(0) !== 0x7f454c46) return 'is no ELF program';
  const wide = head[4] === 2;
  const little = head[5] === 1;
  const half = (at: number): number => (little ? head.readUInt16LE(at) : head.readUInt16BE(at));
  const word = (at: number): number => (little ? head.readUInt32LE(at) : head.readUInt32BE(at));
  if (half(18) !== machines[host.architecture]) return `is not for ${formatPlatform(host)}`;
  const start = wide ? word(little ? 32 : 36) : word(28);
  const size = half(wide ? 54 : 42);
  const count = half(wide ? 56 : 44);
  for (let index = 0; index < count; index++) {
    const at = start + index * size;
    if (at + 4 > head.length) return 'has program headers in an unusual place';
    if (word(at) === 3) return 'is not static';
  }
  return undefined;
}
