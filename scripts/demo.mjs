/**
 * `npm run demo`: an x64 Dockerfile becomes images for amd64, arm64 and arm/v7 and one manifest list, in a registry of
 * its own, and the arm/v7 image answers on this machine. Everything it starts is stopped at the end.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from './lib/main.mjs';
import { freePort, pause } from './lib/process.mjs';
import { withServices } from './lib/with-services.mjs';
import { build, root } from './lib/workspace.mjs';

const platforms = 'linux/amd64,linux/arm64,linux/arm/v7';
const example = 'examples/httpd';

await main(async () => {
  await build();
  await withServices({ only: 'demo' }, async ({ own, env, reason }) => {
    if (reason !== undefined) throw new Error(`the demo needs a Docker Engine: ${reason}`);
    const began = Date.now();
    const home = await mkdtemp(join(tmpdir(), 'mabuild-demo-'));
    try {
      await show({
        own,
        mirror: env.MABUILD_TEST_MIRROR,
        image: `${env.MABUILD_TEST_REGISTRY}/httpd:demo`,
        // The engine tells mabuild about docker.io's stand-in; nothing of the user's is read or written.
        env: {
          ...process.env,
          DOCKER_HOST: env.MABUILD_TEST_DOCKER_HOST,
          DOCKER_CONFIG: home,
          MABUILD_CACHE: join(home, 'cache'),
        },
      });
    } finally {
      await rm(home, { recursive: true, force: true });
    }
    console.log(`\nThat took ${((Date.now() - began) / 1000).toFixed(1)} s.`);
  });
});

async function show({ own, mirror, image, env }) {
  const reading = mirror === undefined ? [] : ['--mirror', `docker.io=${mirror}`];
  say('The Dockerfile as it is, and what it becomes for linux/arm/v7');
  await mabuild(
    ['migrate', '--platform', 'linux/arm/v7', '--style', 'per-arch', ...reading, `${example}/Dockerfile`],
    env,
  );

  say('Three images and one manifest list, straight from the untouched Dockerfile');
  await mabuild(['build', '--platform', platforms, '--push', '-t', image, example], env);

  say('What the registry has now');
  await mabuild(['inspect', '--require', platforms, image], env);

  say('The arm/v7 image, running here');
  const port = await freePort();
  const options = ['run', '--platform', 'linux/arm/v7'];
  // Our own engine has no bridge, so the container is on this machine's network and listens on the port itself.
  const command = own
    ? [...options, image, '--', 'httpd', '-f', '-p', `127.0.0.1:${port}`, '-h', '/www']
    : [...options, '-p', `127.0.0.1:${port}:8080`, image];
  const page = await whileRunning(command, env, () => fetchPage(`http://127.0.0.1:${port}/`));
  console.log(page);
  const expected = process.arch === 'x64' ? /\barmv7l\b/ : /\b(armv7l|armv8l|aarch64)\b/;
  if (!expected.test(page)) throw new Error('the page does not say that a 32-bit ARM machine made it');
}

function say(title) {
  console.log(`\n== ${title}\n`);
}

function start(args, env, stdio) {
  console.log(`$ mabuild ${args.join(' ')}`);
  const child = spawn(process.execPath, [join(root, 'packages/cli/bin/mabuild.js'), ...args], {
    cwd: root,
    env,
    stdio,
  });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  return { child, ended };
}

async function mabuild(args, env) {
  const status = await start(args, env, 'inherit').ended;
  if (status !== 0) throw new Error(`mabuild ${args[0]} ended with ${status}`);
}

async function whileRunning(args, env, body) {
  const { child, ended } = start(args, env, ['ignore', 'inherit', 'inherit']);
  const early = ended.then((status) => {
    throw new Error(`mabuild ${args[0]} ended with ${status} before it answered`);
  });
  early.catch(() => {});
  try {
    return await Promise.race([body(), early]);
  } finally {
    child.kill('SIGINT');
    await ended;
  }
}

async function fetchPage(url) {
  for (let attempt = 0; ; attempt++) {
    try {
      const response = await fetch(url);
      if (response.ok) return (await response.text()).trim();
      throw new Error(`${url}: ${response.status}`);
    } catch (error) {
      if (attempt === 150) throw error;
      await pause(200);
    }
  }
}
