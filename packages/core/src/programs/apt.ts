import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type CallOptions, MabuildError } from '@mabuild/oci';

const run = promisify(execFile);

/** Downloads Debian packages of this machine's architecture. */
export interface Apt {
  /**
   * Downloads packages of the given names and gives their files.
   * @throws MabuildError `APT_FAILED` with apt's own words, as when one of them is not known
   */
  download(names: readonly string[]): Promise<readonly string[]>;
}

export interface AptOptions extends CallOptions {
  /** Gets lists and packages; nothing else of the machine is written. */
  readonly directory: string;
  /** Environment of apt: proxies, PATH. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads the package lists of this machine's own sources into a private folder: signatures are checked by apt, nothing is
 * installed, and root is not needed.
 *
 * @throws MabuildError `APT_NOT_FOUND` where there is no apt
 */
export async function openApt({ directory, variables, signal }: AptOptions): Promise<Apt> {
  const settings: Readonly<Record<string, string>> = {
    'Dir::State': directory,
    'Dir::State::status': '/dev/null',
    'Dir::Cache': directory,
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    // Root, too, writes as itself: the folder is nobody else's.
    'APT::Sandbox::User': '',
    'Debug::NoLocking': 'true',
  };
  const set = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const apt = async (args: readonly string[], cwd: string): Promise<string> => {
    try {
      await run('apt-get', ['-qq', ...set, ...args], { cwd, signal, env: { ...variables, LC_ALL: 'C' } });
      return '';
    } catch (error) {
      signal?.throwIfAborted();
      const { code, stderr = '', message } = error as Error & { code?: unknown; stderr?: string };
      if (code === 'ENOENT') throw noApt();
      return stderr.trim() || message;
    }
  };
  for (const folder of ['lists', 'archives'])
    await mkdir(join(directory, folder, 'partial'), { recursive: true });
  // One source of many may fail; whether a package is found all the same is what counts.
  const complaint = await apt(['update'], directory);
  let count = 0;
  return {
    async download(names) {
      count += 1;
      const folder = join(directory, `packages-${count}`);
      await mkdir(folder);
      const problem = await apt(['download', ...names], folder);
      const files = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
      if (problem === '' && files.length === names.length) return files.map((name) => join(folder, name));
      const said = [problem, complaint].filter((text) => text !== '').join('\n');
      throw new MabuildError(`apt-get download ${names.join(' ')}: ${said || 'it left no package'}`, {
        code: 'APT_FAILED',
        hint: "see whether this machine's sources in /etc/apt can be reached, and on Ubuntu whether `universe` is among them",
      });
    },
  };
}

function noApt(): MabuildError {
  return new MabuildError('programs are fetched as Debian packages, and this machine has no apt-get', {
    code: 'APT_NOT_FOUND',
    hint: 'install static qemu-user programs with the package manager of this system (`qemu-user-static`), or name a folder that holds them with --qemu DIR',
  });
}
