import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Descriptor, digestOf, mediaTypes } from '@mabuild/oci';
import { run } from '../../scripts/lib/run.mjs';
import { dockerTypes, ImageMaker, ociTypes } from './client-images.ts';
import type { MemoryImage } from './image.ts';
import { makeTar } from './tar.ts';

/** How a layer's tar is wrapped. */
export type Wrapping = 'gzip' | 'zstd' | 'plain';

const layerTypes: Readonly<Record<Wrapping, string>> = {
  gzip: mediaTypes.ociLayerGzip,
  zstd: mediaTypes.ociLayerZstd,
  plain: mediaTypes.ociLayer,
};

/** An image whose layers are what they say, so that other tools can unpack them. */
export function realImage(
  maker: ImageMaker,
  platform: { readonly os: string; readonly architecture: string; readonly variant?: string },
  {
    wrapping = 'gzip' as Wrapping,
    types = ociTypes as { readonly [Key in keyof typeof ociTypes]: string },
    more = {},
  } = {},
): Descriptor {
  const tars = ['etc/motd', 'usr/share/text'].map((path) =>
    makeTar([{ path, content: `${platform.architecture} ${Math.random()}\n`.repeat(50) }]),
  );
  const layerType = types === dockerTypes ? dockerTypes.layer : layerTypes[wrapping];
  const layers = tars.map((tar) => maker.add(layerType, wrap(tar, wrapping)));
  const config = maker.add(types.config, {
    ...platform,
    created: '2026-01-01T00:00:00Z',
    config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'] },
    rootfs: { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) },
    history: tars.map(() => ({ created: '2026-01-01T00:00:00Z', created_by: 'a test' })),
  });
  return maker.add(types.manifest, { schemaVersion: 2, mediaType: types.manifest, config, layers, ...more });
}

/** An index of such images. */
export function realIndex(
  maker: ImageMaker,
  options: Parameters<typeof realImage>[2] = {},
  more: object = {},
): Descriptor {
  const platforms = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
    { os: 'linux', architecture: 'arm', variant: 'v7' },
  ];
  const entries = platforms.map((platform) => ({ ...realImage(maker, platform, options), platform }));
  return maker.index(entries, { ...(options.types && { types: options.types }), more });
}

/** Makes one image in memory. */
export function make(build: (maker: ImageMaker) => Descriptor): MemoryImage {
  const maker = new ImageMaker();
  return maker.image(build(maker));
}

function wrap(tar: Buffer, wrapping: Wrapping): Buffer {
  switch (wrapping) {
    case 'gzip':
      return gzipSync(tar);
    case 'zstd':
      return zstdStored(tar);
    case 'plain':
      return tar;
  }
}

/** A Zstandard frame of raw blocks: RFC 8878, 3.1.1. */
function zstdStored(bytes: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  // Frame_Content_Size of four bytes, Single_Segment.
  const parts: Uint8Array[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0]), size];
  for (let at = 0; at < bytes.length; at += 65_536) {
    const block = bytes.subarray(at, at + 65_536);
    const header = Buffer.alloc(4);
    header.writeUInt32LE((block.length << 3) | (at + block.length === bytes.length ? 1 : 0));
    parts.push(header.subarray(0, 3), block);
  }
  return Buffer.concat(parts);
}

export interface Workshop {
  readonly directory: string;
  path(name: string): string;
  /** Runs skopeo with nothing of this machine's user. */
  skopeo(...args: readonly string[]): Promise<string>;
  /** Runs buildah with a storage of its own. */
  buildah(...args: readonly string[]): Promise<string>;
  /** The digest of what a registry has, as skopeo reads it. */
  digestAt(reference: string, ...flags: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

/** A folder, and tools that keep to it. */
export async function openWorkshop(): Promise<Workshop> {
  const directory = await mkdtemp(join(tmpdir(), 'mabuild-interop-'));
  const path = (name: string): string => join(directory, name);
  const env = { HOME: directory, XDG_RUNTIME_DIR: directory, REGISTRY_AUTH_FILE: undefined };
  const skopeo = (...args: readonly string[]): Promise<string> => run('skopeo', args, { env });
  const storage = ['--root', path('storage'), '--runroot', path('run'), '--storage-driver', 'vfs'];
  return {
    directory,
    path,
    skopeo,
    buildah: (...args) => run('buildah', [...storage, ...args], { env }),
    async digestAt(reference, ...flags) {
      const raw = await skopeo('inspect', '--raw', '--tls-verify=false', ...flags, `docker://${reference}`);
      return `sha256:${createHash('sha256').update(raw).digest('hex')}`;
    },
    close: () => rm(directory, { recursive: true, force: true }),
  };
}

/** Lays certificates out as skopeo wants them. @returns the folder. */
export async function certificateFolder(
  { path }: Workshop,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  await mkdir(path(name));
  for (const [as, from] of Object.entries(files)) await copyFile(from, join(path(name), as));
  return path(name);
}

/** The digests of the roots of an OCI layout. */
export async function layoutRoots(directory: string): Promise<readonly string[]> {
  const index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8'));
  return index.manifests.map(({ digest }: { digest: string }) => digest);
}
