import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { debTree } from './debs.mjs';
import { run } from './run.mjs';
import { madeAt, tar, tarEntry } from './tar.mjs';

/** Debian's architectures and the platform that their programs really are: armel is ARMv5 with soft floats. */
const platforms = [
  { debian: 'amd64', namespace: 'amd64', platform: { architecture: 'amd64', os: 'linux' } },
  { debian: 'arm64', namespace: 'arm64v8', platform: { architecture: 'arm64', os: 'linux', variant: 'v8' } },
  { debian: 'armhf', namespace: 'arm32v7', platform: { architecture: 'arm', os: 'linux', variant: 'v7' } },
  { debian: 'armel', namespace: 'arm32v5', platform: { architecture: 'arm', os: 'linux', variant: 'v5' } },
];

/** Media types of what is pushed. */
export const type = {
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
};

/**
 * Makes base images from Debian's busybox-static packages and pushes them into a registry, so that it can stand in for
 * docker.io. The same packages give the same digests.
 *
 * - `library/busybox:latest` and `:1`: linux/amd64, linux/arm64/v8, linux/arm/v7, linux/arm/v5
 * - `amd64/busybox`, `arm64v8/busybox`, `arm32v7/busybox`, `arm32v5/busybox`: an index of one, as on Docker Hub
 * - `library/x64only:latest`: a plain manifest, amd64 alone
 *
 * @param {{ registry: string, cache: string }} options `registry`: URL, without a password; `cache` for Debian packages
 */
export async function pushBaseImages({ registry, cache }) {
  const children = await busyboxImages(platforms, cache);
  for (const [index, { namespace }] of platforms.entries()) {
    const { entry, image } = children[index];
    await pushImage(registry, `${namespace}/busybox`, [image]);
    await pushIndex(registry, `${namespace}/busybox`, ['latest', '1'], [entry]);
  }
  await pushBusybox(registry, children);
  const [amd64] = children;
  await pushImage(registry, 'library/x64only', [amd64.image]);
  await put(registry, 'library/x64only', 'latest', amd64.image.manifest);
}

/**
 * Pushes `library/busybox:latest` and `:1` for linux/amd64, linux/arm64/v8 and linux/arm/v7, as {@link pushBaseImages}
 * does; as any user.
 *
 * @param {{ registry: string, cache: string }} options
 */
export async function pushDemoBase({ registry, cache }) {
  await pushBusybox(
    registry,
    await busyboxImages(
      platforms.filter(({ debian }) => debian !== 'armel'),
      cache,
    ),
  );
}

async function busyboxImages(wanted, cache) {
  const programs = [];
  for (const { debian } of wanted) {
    const tree = await debTree('busybox-static', debian, { cache: join(cache, 'debs') });
    programs.push(await busyboxProgram(tree));
  }
  const applets = await listApplets(programs);
  return await Promise.all(
    wanted.map(async ({ debian, platform }, index) => {
      const image = await busyboxImage(programs[index], applets, platform, debian);
      return { entry: { ...image.manifest.descriptor, platform }, image };
    }),
  );
}

async function pushBusybox(registry, children) {
  await pushImage(
    registry,
    'library/busybox',
    children.map((child) => child.image),
  );
  await pushIndex(
    registry,
    'library/busybox',
    ['latest', '1'],
    children.map((child) => child.entry),
  );
}

async function busyboxImage(program, applets, platform, debian) {
  const root = rootFilesystem(await readFile(program), applets);
  const layer = blob(type.layer, gzipSync(root, { level: 9 }));
  const created = new Date(madeAt * 1000).toISOString();
  const config = json(type.config, {
    ...platform,
    created,
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['sh'] },
    rootfs: { type: 'layers', diff_ids: [digest(root)] },
    history: [{ created, created_by: `busybox-static of Debian, ${debian}` }],
  });
  const manifest = json(type.manifest, {
    schemaVersion: 2,
    mediaType: type.manifest,
    config: config.descriptor,
    layers: [layer.descriptor],
  });
  return { layer, config, manifest };
}

function rootFilesystem(busybox, applets) {
  const folders = [
    'bin',
    'dev',
    'etc',
    'home',
    'proc',
    'root',
    'sbin',
    'sys',
    'tmp',
    'usr',
    'usr/bin',
    'usr/sbin',
    'var',
  ];
  const text = (value) => ({ mode: 0o644, body: Buffer.from(value) });
  return tar([
    ...folders.map((name) => tarEntry(`${name}/`, { mode: { tmp: 0o1777, root: 0o700 }[name] ?? 0o755 })),
    tarEntry('bin/busybox', { mode: 0o755, body: busybox }),
    ...applets.map((path) => tarEntry(path, { mode: 0o777, link: '/bin/busybox' })),
    tarEntry('etc/group', text('root:x:0:\nnogroup:x:65534:\n')),
    tarEntry(
      'etc/passwd',
      text('root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n'),
    ),
    tarEntry('etc/nsswitch.conf', text('hosts: files dns\n')),
  ]);
}

/** Since Debian 13 programs of /bin are shipped under /usr/bin. */
async function busyboxProgram(tree) {
  const old = join(tree, 'bin', 'busybox');
  return await access(old).then(
    () => old,
    () => join(tree, 'usr', 'bin', 'busybox'),
  );
}

/** Debian configures busybox alike everywhere, so the list of the one that runs here holds for all. */
async function listApplets(programs) {
  for (const program of programs) {
    const list = await run(program, ['--list-full']).catch(() => undefined);
    if (list === undefined) continue;
    const paths = list
      .split('\n')
      .filter((path) => /^(usr\/)?s?bin\/./.test(path) && !path.endsWith('/busybox'));
    return [...new Set([...paths, 'bin/sh'])].sort();
  }
  throw new Error('no busybox of Debian runs on this machine');
}

/** Bytes with their descriptor. */
export function blob(mediaType, bytes) {
  return { bytes, descriptor: { mediaType, digest: digest(bytes), size: bytes.length } };
}

/** A document with its descriptor. */
export function json(mediaType, value) {
  return blob(mediaType, Buffer.from(JSON.stringify(value)));
}

function digest(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Pushes images by digest. */
export async function pushImage(registry, repository, images) {
  for (const { layer, config, manifest } of images) {
    for (const { bytes, descriptor } of [layer, config]) {
      const start = await answer(
        await fetch(`${registry}/v2/${repository}/blobs/uploads/`, { method: 'POST' }),
        202,
      );
      const place = new URL(start.headers.get('location') ?? '', registry);
      place.searchParams.set('digest', descriptor.digest);
      const headers = { 'content-type': 'application/octet-stream' };
      await answer(await fetch(place, { method: 'PUT', headers, body: bytes }), 201);
    }
    await put(registry, repository, manifest.descriptor.digest, manifest);
  }
}

/** Pushes one index under several tags. */
export async function pushIndex(registry, repository, tags, manifests) {
  const index = json(type.index, { schemaVersion: 2, mediaType: type.index, manifests });
  for (const tag of tags) await put(registry, repository, tag, index);
}

async function put(registry, repository, reference, { bytes, descriptor }) {
  const headers = { 'content-type': descriptor.mediaType };
  await answer(
    await fetch(`${registry}/v2/${repository}/manifests/${reference}`, {
      method: 'PUT',
      headers,
      body: bytes,
    }),
    201,
  );
}

async function answer(response, status) {
  const text = await response.text();
  if (response.status !== status) throw new Error(`${response.url}: ${response.status} ${text}`);
  return response;
}
