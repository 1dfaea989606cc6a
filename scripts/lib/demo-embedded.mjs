import { execFile } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startTestRegistry } from '@mabuild/registry/testing';
import { pushDemoBase } from './base-images.mjs';
import { hasApt } from './debs.mjs';
import { checkPage, mabuild, migrateAndBuild, outputOf, platforms, say, withHome } from './demo.mjs';
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
      say('Each image, running here: its page says which machine it was made on');
      const running = ['run', '--engine', 'embedded', '--platform'];
      for (const platform of platforms) {
        const page = await outputOf([...running, platform, image, '--', 'cat', '/www/index.html'], env);
        console.log(checkPage(platform, page));
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
