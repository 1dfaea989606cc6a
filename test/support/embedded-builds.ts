import { chmod, link, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { digestOf, mediaTypes, type PackEntry, packTar, parseReference } from '@mabuild/oci';
import { createRegistryClient } from '@mabuild/registry';

/** A file of a build context: text, bytes, or one of these. */
export type ContextFile =
  | string
  | Buffer
  | { readonly link: string }
  /** Another name of a file that is written before it. */
  | { readonly same: string }
  | { readonly mode: number; readonly content?: string | Buffer; readonly folder?: true };

/** Writes a build context. */
export async function writeContext(
  folder: string,
  files: Readonly<Record<string, ContextFile>>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [path, file] of Object.entries(files)) {
    const at = join(folder, path);
    await mkdir(dirname(at), { recursive: true });
    if (typeof file === 'string' || Buffer.isBuffer(file)) {
      await writeFile(at, file);
      await chmod(at, 0o644);
      await utimes(at, 1_600_000_000, 1_600_000_000);
    } else if ('link' in file) await symlink(file.link, at);
    else if ('same' in file) await link(join(folder, file.same), at);
    else {
      if (file.folder) await mkdir(at, { recursive: true });
      else await writeFile(at, file.content ?? '');
      await chmod(at, file.mode);
      await utimes(at, 1_600_000_000, 1_600_000_000);
    }
  }
}

/** The base that the comparisons build on: names for users, links for folders, odd modes, whiteouts. */
export async function pushBase(name: string, config: object): Promise<void> {
  const file = (path: string, content: string, fields: Partial<PackEntry> = {}): PackEntry => ({
    name: path,
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 1_500_000_000,
    size: Buffer.byteLength(content),
    open: () => readableOf(content),
    ...fields,
  });
  const folder = (path: string, fields: Partial<PackEntry> = {}): PackEntry => ({
    ...file(`${path}/`, ''),
    type: 'directory',
    mode: 0o755,
    ...fields,
  });
  const link = (path: string, target: string): PackEntry => ({
    ...file(path, ''),
    type: 'symlink',
    mode: 0o777,
    linkname: target,
  });
  const hard = (path: string, target: string): PackEntry => ({
    ...link(path, target),
    type: 'link',
    mode: 0o4755,
  });
  const lower = await buffer(
    packTar([
      folder('etc'),
      file(
        'etc/passwd',
        'root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\nnogroup:x:55:66::/:/bin/sh\n',
      ),
      file('etc/group', 'root:x:0:\nstaff:x:50:\napp:x:1001:\n'),
      folder('usr'),
      folder('usr/lib'),
      file('usr/lib/libc.so', 'a library'),
      link('lib', 'usr/lib'),
      folder('opt', { mode: 0o700, uid: 12, gid: 34 }),
      file('opt/tool', '#!/bin/sh\n', { mode: 0o4755 }),
      hard('opt/same', 'opt/tool'),
      folder('tmp', { mode: 0o1777 }),
      folder('srv'),
      file('srv/old', 'old'),
      file('srv/gone', 'gone'),
      folder('var'),
      folder('var/data', { uid: 1000, gid: 1001, mode: 0o750 }),
      file('var/data/a.txt', 'a', { uid: 1000, gid: 1001 }),
      link('var/abs', '/var/data'),
      link('var/dangling', 'nowhere/at/all'),
      link('var/out', '../../../../opt'),
      link('var/file', 'data/a.txt'),
      folder('folder'),
      folder('folder/inner'),
      file('folder/inner/f', 'f'),
    ]),
  );
  const upper = await buffer(packTar([folder('srv'), file('srv/.wh.gone', ''), file('srv/new', 'new')]));
  await pushImage(name, config, [lower, upper]);
}

/** Pushes an image of linux/amd64 to a registry. */
export async function pushImage(name: string, config: object, tars: readonly Buffer[]): Promise<void> {
  const client = createRegistryClient();
  const sink = client.sink(parseReference(name));
  const put = async (mediaType: string, bytes: Buffer) => {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    if (mediaType !== mediaTypes.ociManifest) await sink.put(descriptor, async () => readableOf(bytes));
    return descriptor;
  };
  const created = '2020-01-01T00:00:00Z';
  try {
    const layers = [];
    for (const tar of tars) layers.push(await put(mediaTypes.ociLayerGzip, gzipSync(tar)));
    const configBytes = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        created,
        author: 'somebody',
        config,
        rootfs: { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) },
        history: tars.map((_, index) => ({ created, created_by: `layer ${index + 1}` })),
      }),
    );
    const document = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: await put(mediaTypes.ociConfig, configBytes),
      layers,
    };
    const bytes = Buffer.from(JSON.stringify(document));
    const root = await put(mediaTypes.ociManifest, bytes);
    await sink.tag(parseReference(name).tag ?? 'latest', root, { open: async () => readableOf(bytes) });
  } finally {
    await client.close();
  }
}

function readableOf(content: string | Buffer): Readable {
  return Readable.from([Buffer.from(content)], { objectMode: false });
}
