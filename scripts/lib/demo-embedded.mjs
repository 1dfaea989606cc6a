import { execFile } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { decompressed, readTarEntries } from '@mabuild/oci';
import { startTestRegistry } from '@mabuild/registry/testing';
import { pushDemoBase } from './base-images.mjs';
import { hasApt } from './debs.mjs';
import { checkPage, mabuild, migrateAndBuild, platforms, say, withHome } from './demo.mjs';
import { cache, root } from './workspace.mjs';

/** The demo on mabuild's own engine: any user, no Docker, a registry inside this process. */
export async function demo() {
  const registry = await startTestRegistry();
  try {
    const reading = await baseImages(registry);
    await withHome(async (home, environment) => {
      // What emulates is fetched once; everything else is built afresh each time.
      await mkdir(join(cache, 'programs'), { recursive: true });
      await mkdir(join(home, 'cache'));
      await symlink(join(cache, 'programs'), join(home, 'cache', 'programs'));
      // An engine that happens to run is left alone.
      const env = { ...environment, DOCKER_HOST: `unix://${join(home, 'no-docker.sock')}` };
      await ensureEmulators(env);
      const image = `${registry.host}/httpd:demo`;
      await migrateAndBuild({ image, reading, building: ['--engine', 'embedded', ...reading] }, env);
      say('Which machine each image says it was made on');
      for (const platform of platforms) {
        const page = await pageOf(registry, platform);
        console.log(`${platform.padEnd(14)}${checkPage(platform, page)}`);
      }
    });
  } finally {
    await registry.close();
  }
}

/** Where docker.io's busybox is read: made from Debian packages into our registry, or where there are none, docker.io itself. */
async function baseImages(registry) {
  if (!(await hasApt())) return [];
  console.error('making busybox images of Debian packages');
  try {
    await pushDemoBase({ registry: registry.url, cache });
    return ['--mirror', `docker.io=${registry.url}`];
  } catch (error) {
    console.error(`busybox comes from docker.io itself (${String(error.message).split('\n').at(-1)})`);
    return [];
  }
}

/** Fetches emulators where this machine cannot run a platform by itself. */
async function ensureEmulators(env) {
  if (await runsAll(env)) return;
  say('This machine runs no ARM programs yet: static emulators, for this user only');
  await mabuild(['emulator', 'fetch'], { ...env, MABUILD_CACHE: cache });
}

async function runsAll(env) {
  const found = new Map((await examine(env)).platforms.map((item) => [item.platform, item.emulation]));
  return platforms.every((platform) => (found.get(platform) ?? 'none') !== 'none');
}

/** What doctor says; it ends with 3 where no Docker Engine answers. */
async function examine(env) {
  const command = [join(root, 'packages/cli/bin/mabuild.js'), 'doctor', '--format', 'json'];
  const { stdout } = await promisify(execFile)(process.execPath, command, { env }).catch((error) => {
    if (error.code !== 3) throw error;
    return error;
  });
  return JSON.parse(stdout);
}

/** The example's page, out of the layer that RUN made for a platform. */
async function pageOf(registry, platform) {
  const read = (name) => JSON.parse(registry.manifest('httpd', name).bytes);
  const [, architecture, variant] = platform.split('/');
  const { manifests } = read(registry.tagOf('httpd', 'demo'));
  const entry = manifests.find(
    (item) =>
      item.platform.architecture === architecture &&
      (variant === undefined || item.platform.variant === variant),
  );
  const { digest } = read(entry.digest).layers.at(-1);
  const layer = Readable.from([registry.blob('httpd', digest)], { objectMode: false });
  for await (const { name, body } of readTarEntries(await decompressed(layer))) {
    if (name !== 'www/index.html') continue;
    const chunks = [];
    for await (const chunk of body) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  }
  throw new Error(`the image for ${platform} holds no page in its last layer`);
}
