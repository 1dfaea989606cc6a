import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type CallOptions, isMabuildError, MabuildError, placeStream, safeEntryPath } from '@mabuild/oci';
import { type Apt, openApt } from './apt.ts';
import { debEntries } from './deb.ts';

/** What can be fetched: static qemu programs, and proot, a sandbox for kernels that give an ordinary user none. */
export type FetchableProgram = 'qemu' | 'proot';

/** What to fetch, and where to. */
export interface FetchProgramsRequest {
  readonly programs: readonly FetchableProgram[];
  /** Where {@link programsIn} then finds them. */
  readonly directory: string;
  /** Environment of apt: proxies, PATH. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** Where fetched programs lie, whether they are there or not. */
export interface ProgramFiles {
  /** Folder of static qemu programs. */
  readonly emulators: string;
  readonly proot: string;
  /** Folder of folders with the libraries that proot loads; named by the machine's triplet. */
  readonly prootLibraries: string;
}

/** Packages that hold a program, in the order in which they are tried, and what is taken of them. */
const recipes: Readonly<
  Record<FetchableProgram, { readonly packages: readonly (readonly string[])[]; readonly files: RegExp }>
> = {
  qemu: {
    // Since Debian 13 the second is static, and the first empty.
    packages: [['qemu-user-static'], ['qemu-user']],
    files:
      /^usr\/bin\/qemu-(?:x86_64|i386|aarch64|arm|riscv64|s390x|ppc64le|loongarch64|mips64el)(?:-static)?$/,
  },
  proot: { packages: [['proot', 'libtalloc2']], files: /^usr\/(?:bin\/proot$|lib\/.)/ },
};

/** After so long, in milliseconds, nobody is fetching any more. */
const abandoned = 60 * 60 * 1000;

/** Where programs lie that were fetched into a folder. */
export function programsIn(directory: string): ProgramFiles {
  const proot = join(directory, 'proot', 'usr');
  return {
    emulators: join(directory, 'qemu', 'usr', 'bin'),
    proot: join(proot, 'bin', 'proot'),
    prootLibraries: join(proot, 'lib'),
  };
}

/**
 * Fetches programs as Debian packages from this machine's own apt sources, as any user, and unpacks them into a folder;
 * nothing is installed. What was there before is replaced.
 *
 * @throws MabuildError `APT_NOT_FOUND`, `APT_FAILED`
 */
export async function fetchPrograms(
  { programs, directory, variables }: FetchProgramsRequest,
  { signal }: CallOptions = {},
): Promise<ProgramFiles> {
  await mkdir(directory, { recursive: true });
  await removeAbandoned(directory);
  const work = join(directory, `.fetch-${randomBytes(6).toString('hex')}`);
  await mkdir(work, { mode: 0o700 });
  try {
    const apt = await openApt({ directory: join(work, 'apt'), variables, signal });
    for (const program of programs) {
      const tree = join(work, program);
      await fetchTree(program, tree, apt, { signal });
      await replaceFolder(join(directory, program), tree, work);
    }
    return programsIn(directory);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Puts a folder in the place of another, which others may do at the same time. @param aside gets what was there before */
async function replaceFolder(path: string, tree: string, aside: string): Promise<void> {
  for (;;) {
    const old = join(aside, `old-${randomBytes(6).toString('hex')}`);
    await rename(path, old).catch(() => undefined);
    try {
      await rename(tree, path);
      return;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
  }
}

async function fetchTree(
  program: FetchableProgram,
  tree: string,
  apt: Apt,
  call: CallOptions,
): Promise<void> {
  const { packages, files } = recipes[program];
  let failure: unknown;
  for (const names of packages) {
    try {
      let found = 0;
      for (const file of await apt.download(names)) found += await unpackFiles(file, tree, files, call);
      if (found > 0) return;
    } catch (error) {
      if (!isMabuildError(error) || error.code !== 'APT_FAILED') throw error;
      failure ??= error;
    }
  }
  throw (
    failure ??
    new MabuildError(`none of the packages ${packages.flat().join(', ')} holds ${program}`, {
      code: 'APT_FAILED',
      hint: 'name a folder that holds static qemu programs with --qemu DIR',
    })
  );
}

/** Takes files and links that lie in one folder with their target; gives how many. */
async function unpackFiles(file: string, tree: string, wanted: RegExp, call: CallOptions): Promise<number> {
  let count = 0;
  for await (const { name, type, mode, linkname = '', body } of debEntries(file, call)) {
    const path = safeEntryPath(name);
    if (!wanted.test(path)) continue;
    const target = join(tree, path);
    if (type === 'file') {
      await mkdir(dirname(target), { recursive: true });
      await placeStream(target, async () => body, call);
      await chmod(target, mode & 0o755);
      count += 1;
    } else if (type === 'symlink' && linkname !== '..' && !linkname.includes('/')) {
      await mkdir(dirname(target), { recursive: true });
      await symlink(linkname, target);
      count += 1;
    }
  }
  return count;
}

/** What was fetched by a process that was killed. */
async function removeAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith('.fetch-')) continue;
    const path = join(directory, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.NaN }));
    if (Date.now() - mtimeMs > abandoned) await rm(path, { recursive: true, force: true });
  }
}
