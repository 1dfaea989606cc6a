import { open, readdir, stat } from 'node:fs/promises';
import { MabuildError } from '@mabuild/oci';

/** A place where proot may lie. */
export interface ProotPlace {
  readonly file: string;
  /** Folder of folders with the libraries that it needs, where the system may not have them. */
  readonly libraries?: string | undefined;
}

/**
 * Finds how proot is started.
 * @throws MabuildError `SANDBOX_UNAVAILABLE` where there is none
 */
export async function findProot(places: readonly ProotPlace[]): Promise<readonly string[]> {
  for (const { file, libraries } of places) {
    if (!(await isProgram(file))) continue;
    if (libraries === undefined) return [file];
    const loader = await interpreterOf(file);
    if (loader === undefined) return [file];
    const names = await readdir(libraries).catch(() => []);
    return [loader, '--library-path', names.map((name) => `${libraries}/${name}`).join(':'), file];
  }
  throw new MabuildError('there is no proot', {
    code: 'SANDBOX_UNAVAILABLE',
    hint: 'get it with `mabuild emulator fetch proot`, or install the package proot',
  });
}

async function isProgram(file: string): Promise<boolean> {
  return await stat(file).then(
    (found) => found.isFile() && (found.mode & 0o111) !== 0,
    () => false,
  );
}

/** What the kernel starts a 64-bit little-endian program with; `undefined` for a static one. */
async function interpreterOf(file: string): Promise<string | undefined> {
  const handle = await open(file, 'r');
  try {
    const head = Buffer.alloc(4096);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    if (bytesRead < 64 || head.readUInt32BE(0) !== 0x7f454c46) return undefined;
    const start = Number(head.readBigUInt64LE(32));
    const [size, count] = [head.readUInt16LE(54), head.readUInt16LE(56)];
    for (let at = start; at < start + size * count && at + size <= bytesRead; at += size) {
      // PT_INTERP
      if (head.readUInt32LE(at) !== 3) continue;
      const text = Buffer.alloc(Math.min(4096, Number(head.readBigUInt64LE(at + 32))));
      await handle.read(text, 0, text.length, Number(head.readBigUInt64LE(at + 8)));
      return text.toString('utf8').replace(/\0.*$/s, '');
    }
    return undefined;
  } finally {
    await handle.close();
  }
}
