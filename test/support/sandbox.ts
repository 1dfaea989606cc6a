import { createHash } from 'node:crypto';

import { chmod, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { build } from 'esbuild';
import type { LayerEntry } from '../../packages/core/src/engines/embedded/layers/entry.ts';
import type { StoredLayer } from '../../packages/core/src/engines/embedded/layers/layer-scanner.ts';
import type { SandboxOptions } from '../../packages/core/src/engines/embedded/sandbox/choice/choose.ts';
import { layerTar } from '../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from './debs.ts';
import { repositoryRoot } from './sources.ts';

/** Bundles a module into one file, as the command is shipped: a helper that is compiled at every start is slow. */
export async function bundled(module: string, folder: string): Promise<string> {
  const outfile = join(folder, `${module.replaceAll('/', '-').replace(/\.ts$/, '')}.mjs`);
  await build({
    absWorkingDir: repositoryRoot,
    entryPoints: [module],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    conditions: ['@mabuild/source'],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
  });
  return outfile;
}

/** A folder with a helper that any user can start; the caller deletes it. */
export async function helperFolder(
  prefix = 'mabuild-sandbox-',
): Promise<{ readonly folder: string; readonly helper: string }> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  await chmod(folder, 0o755);
  await placeProot(folder);
  return { folder, helper: await bundled('packages/cli/src/sandbox-helper.ts', folder) };
}

/** Puts Debian's proot into a folder that every user can read; none where Debian packages cannot be fetched. */
export async function placeProot(folder: string): Promise<void> {
  if (!(await hasDebs())) return;
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  for (const name of ['proot', 'libtalloc2'])
    await cp(await debTree(name, architecture), join(folder, 'proot'), { recursive: true });
}

/** Where {@link placeProot} puts it. */
export function prootIn(folder: string): SandboxOptions['proot'][number] {
  return { file: join(folder, 'proot/usr/bin/proot'), libraries: join(folder, 'proot/usr/lib') };
}

/** Options of a sandbox of this process. */
export function sandboxOptions(
  helper: string,
  directory: string,
  options: Partial<SandboxOptions> = {},
): SandboxOptions {
  const { uid, gid, username } = userInfo();
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  return {
    helper: [process.execPath, helper],
    directory,
    platform: { os: 'linux', architecture },
    ...{ uid, gid, userName: username },
    emulators: ['/usr/bin'],
    proot: [prootIn(dirname(helper))],
    ...options,
  };
}

/** Layer entries in few words. */
export function file(
  path: string,
  content: string | Uint8Array = '',
  fields: Partial<LayerEntry> = {},
): LayerEntry {
  const bytes = Buffer.from(content);
  const open = async (): Promise<Readable> => Readable.from([bytes], { objectMode: false });
  return {
    path,
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 1_600_000_000,
    size: bytes.length,
    open,
    ...fields,
  };
}

export function folder(path: string, fields: Partial<LayerEntry> = {}): LayerEntry {
  return { ...file(path), type: 'directory', mode: 0o755, ...fields };
}

export function symlink(path: string, linkname: string, fields: Partial<LayerEntry> = {}): LayerEntry {
  return { ...file(path), type: 'symlink', mode: 0o777, linkname, ...fields };
}

export function other(path: string, type: LayerEntry['type'], fields: Partial<LayerEntry> = {}): LayerEntry {
  return { ...file(path), type, ...fields };
}

/** A layer that lies in memory. */
export async function layerOf(entries: readonly LayerEntry[]): Promise<StoredLayer> {
  return layerOfTar(await buffer(Readable.from(layerTar(entries), { objectMode: false })));
}

export function layerOfTar(bytes: Uint8Array): StoredLayer {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return {
    diffId: digest,
    descriptor: { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: bytes.length },
    read: async () => Readable.from([Buffer.from(bytes)], { objectMode: false }),
  };
}

const applets = [
  ...[
    'sh',
    'ls',
    'cat',
    'cp',
    'id',
    'mkdir',
    'echo',
    'uname',
    'rm',
    'mount',
    'wc',
    'date',
    'sleep',
    'grep',
    'env',
    'ln',
  ],
  ...[
    'mv',
    'chmod',
    'chown',
    'stat',
    'touch',
    'test',
    'find',
    'readlink',
    'hostname',
    'ps',
    'mknod',
    'mkfifo',
    'head',
  ],
  ...[
    'nc',
    'ping',
    'setsid',
    'kill',
    'pwd',
    'umask',
    'rmdir',
    'tr',
    'sort',
    'dd',
    'truncate',
    'su',
    'df',
    'ip',
    'wget',
  ],
];

/** A small root whose only program is busybox. */
export async function busyboxRoot(busybox: string): Promise<readonly LayerEntry[]> {
  const program = await readFile(join(busybox, 'bin/busybox'));
  return [
    folder('bin'),
    file('bin/busybox', program, { mode: 0o755 }),
    ...applets.map((name) => symlink(`bin/${name}`, 'busybox')),
    folder('etc'),
    file('etc/passwd', 'root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n'),
    file('etc/group', 'root:x:0:\napp:x:1001:\nextra:x:44:app\n'),
    folder('root', { mode: 0o700 }),
    folder('tmp', { mode: 0o1777 }),
  ];
}

export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
