import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder of its own for one test, with the parts of a user's home that mabuild reads and writes. */
export interface Workspace {
  readonly dir: string;
  /** DOCKER_CONFIG. */
  readonly dockerConfig: string;
  /** MABUILD_CACHE. */
  readonly cache: string;
  /** TMPDIR: empty again after every command. */
  readonly temporary: string;
  /** Writes files and gives the folder they lie in. */
  context(files: Readonly<Record<string, string | Uint8Array>>, name?: string): Promise<string>;
  /** Lets DOCKER_CONFIG know a user of a registry. */
  login(registry: string, user: string, password: string): Promise<void>;
  /** Names of what was left in the temporary folder. */
  leftovers(): Promise<readonly string[]>;
  remove(): Promise<void>;
}

/** Makes a fresh workspace under the system's temporary folder. */
export async function makeWorkspace(): Promise<Workspace> {
  const dir = await mkdtemp(join(tmpdir(), 'mabuild-e2e-'));
  const [dockerConfig, cache, temporary] = ['docker', 'cache', 'tmp'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  await Promise.all([dockerConfig, cache, temporary].map((folder) => mkdir(folder)));
  const auths: Record<string, { auth: string }> = {};
  return {
    dir,
    dockerConfig,
    cache,
    temporary,
    async context(files, name = 'context') {
      const folder = join(dir, name);
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), content);
      }
      return folder;
    },
    async login(registry, user, password) {
      auths[registry] = { auth: Buffer.from(`${user}:${password}`).toString('base64') };
      await writeFile(join(dockerConfig, 'config.json'), JSON.stringify({ auths }));
    },
    leftovers: () => readdir(temporary),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
