import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { blob, json, pushImage, pushIndex, type } from './base-images.mjs';
import { debianMirror } from './debian-mirror.mjs';
import { run } from './run.mjs';

/** What the examples need besides apt, so that no emulated machine has to unpack it at every run. */
const packages = ['python3', 'python3-dev', 'gcc', 'libc6-dev'];
const suite = 'bookworm';

const platforms = [
  { debian: 'amd64', platform: { architecture: 'amd64', os: 'linux' } },
  { debian: 'arm64', platform: { architecture: 'arm64', os: 'linux', variant: 'v8' } },
  { debian: 'armhf', platform: { architecture: 'arm', os: 'linux', variant: 'v7' } },
];

/**
 * Makes `debian:bookworm` for amd64, arm64 and arm/v7 with mmdebstrap and pushes it into a registry; root filesystems are
 * kept in the cache, as each takes minutes to make.
 *
 * @param {{ registry: string, cache: string, log?: (line: string) => void }} options `registry`: URL
 */
export async function pushDebianBases({ registry, cache, log = () => {} }) {
  const images = [];
  for (const { debian, platform } of platforms) {
    const { file, diffId } = await rootFilesystem(debian, { cache, log });
    const layer = blob(type.layer, await readFile(file));
    const config = json(type.config, {
      ...platform,
      created: '2024-01-01T00:00:00Z',
      config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['bash'] },
      rootfs: { type: 'layers', diff_ids: [diffId] },
      history: [{ created: '2024-01-01T00:00:00Z', created_by: `mmdebstrap ${suite} ${debian}` }],
    });
    const manifest = json(type.manifest, {
      schemaVersion: 2,
      mediaType: type.manifest,
      config: config.descriptor,
      layers: [layer.descriptor],
    });
    const image = { layer, config, manifest };
    await pushImage(registry, 'library/debian', [image]);
    images.push({ ...manifest.descriptor, platform });
  }
  await pushIndex(registry, 'library/debian', [suite, 'latest'], images);
}

async function rootFilesystem(debian, { cache, log }) {
  const folder = join(cache, 'rootfs');
  await mkdir(folder, { recursive: true });
  const key = createHash('sha256')
    .update([suite, debian, ...packages].join(' '))
    .digest('hex')
    .slice(0, 12);
  const tar = join(folder, `${suite}-${debian}-${key}.tar`);
  const zipped = `${tar}.gz`;
  if (!(await exists(tar))) {
    log(`making debian:${suite} for ${debian}; this takes minutes, once`);
    const part = `${tar}.part`;
    await run('mmdebstrap', [
      '--variant=apt',
      `--architectures=${debian}`,
      `--include=${packages.join(',')}`,
      '--skip=cleanup/apt/lists',
      '--format=tar',
      suite,
      part,
      // Without the lists of updates, which change from day to day: the examples need nothing that is newer.
      await debianMirror(),
    ]);
    await rename(part, tar);
  }
  if (!(await exists(zipped))) {
    await pipeline(createReadStream(tar), createGzip({ level: 6 }), createWriteStream(`${zipped}.part`));
    await rename(`${zipped}.part`, zipped);
  }
  const hash = createHash('sha256');
  await pipeline(createReadStream(tar), hash);
  return { file: zipped, diffId: `sha256:${hash.digest('hex')}` };
}

function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
