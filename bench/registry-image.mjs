import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of the ten layers; the first is shared by all platforms. Nearly 300 MB, or a tenth of it. */
const layerMegabytes = [24, 60, 33, 22, 52, 30, 18, 34, 16, 11];

/**
 * An OCI layout with one tag, `1`: an index of three platforms, 10 layers and 13 blobs in all, of bytes that cannot be
 * compressed.
 *
 * @param {string} dir
 * @returns {Promise<number>} bytes
 */
export async function makeImage(dir) {
  const blobs = join(dir, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  let total = 0;
  const add = async (mediaType, content) => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const hex = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(blobs, hex), bytes);
    total += bytes.length;
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const layers = [];
  for (const megabytes of layerMegabytes) {
    layers.push(await add('application/vnd.oci.image.layer.v1.tar+gzip', randomBytes(megabytes * 1_000_000)));
  }
  const [shared, ...own] = layers;
  const manifests = [];
  for (const [at, platform] of [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
    { os: 'linux', architecture: 'arm', variant: 'v7' },
  ].entries()) {
    const chosen = [shared, ...own.slice(at * 3, at * 3 + 3)];
    const rootfs = { type: 'layers', diff_ids: chosen.map(({ digest }) => digest) };
    const config = await add('application/vnd.oci.image.config.v1+json', { ...platform, config: {}, rootfs });
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    manifests.push({
      ...(await add(mediaType, { schemaVersion: 2, mediaType, config, layers: chosen })),
      platform,
    });
  }
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const root = await add(mediaType, { schemaVersion: 2, mediaType, manifests });
  const named = { ...root, annotations: { 'org.opencontainers.image.ref.name': '1' } };
  await writeFile(
    join(dir, 'index.json'),
    JSON.stringify({ schemaVersion: 2, mediaType, manifests: [named] }),
  );
  await writeFile(join(dir, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return total;
}
