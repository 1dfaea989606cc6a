import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { run } from '../scripts/lib/run.mjs';

const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/**
 * Unpacks some files of every platform of an image in a registry with tar, and lends the folders.
 *
 * @param {{ image: string, dir: string, wanted: RegExp }} options `image`: HOST/REPOSITORY:TAG, over http; `dir`: an empty
 *   folder; `wanted`: of paths
 * @param {(images: readonly { platform: string, root: string, names: readonly string[] }[]) => Promise<void>} use `names`
 *   of all that is in the layers
 */
export async function withPushedImage({ image, dir, wanted }, use) {
  const [, host, repository, tag] = /^([^/]+)\/(.+):([^:/]+)$/.exec(image) ?? [];
  const get = async (path) => {
    const answer = await fetch(`http://${host}/v2/${repository}/${path}`, { headers: { accept } });
    if (!answer.ok) throw new Error(`${image}: ${path}: ${answer.status}`);
    return answer;
  };
  const json = async (path) => await (await get(path)).json();
  await mkdir(dir, { recursive: true });
  try {
    const { manifests = [] } = await json(`manifests/${tag}`);
    const images = [];
    for (const [at, { digest }] of manifests.entries()) {
      const { config, layers } = await json(`manifests/${digest}`);
      const { os, architecture, variant } = await json(`blobs/${config.digest}`);
      const root = join(dir, String(at));
      await mkdir(root);
      const names = [];
      for (const layer of layers) {
        const file = join(dir, 'layer');
        await pipeline(Readable.fromWeb((await get(`blobs/${layer.digest}`)).body), createWriteStream(file));
        const listed = (await run('tar', ['-tf', file])).split('\n').filter((name) => name !== '');
        const chosen = listed.filter((name) => wanted.test(name.replace(/^\.\//, '')));
        names.push(...listed);
        if (chosen.length > 0) {
          await run('tar', ['-xf', file, '-C', root, '--no-recursion', '-T', '-'], {
            input: chosen.join('\n'),
          });
        }
        await rm(file);
      }
      // An arm64 image may say v8 or leave it out: it is the same.
      const shown = architecture === 'arm' ? [os, architecture, variant] : [os, architecture];
      images.push({ platform: shown.join('/'), root, names });
    }
    await use(images);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** @param {string} file */
export async function digestOfFile(file) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}
