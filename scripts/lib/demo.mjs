import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { root } from './workspace.mjs';

/** What the demo builds, and for what. */
export const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];
export const example = 'examples/httpd';

/** What the kernel may call the machine of each platform, by the platform that this computer is. */
const machines = {
  'linux/amd64': /\bx86_64\b/,
  'linux/arm64': /\baarch64\b/,
  'linux/arm/v7': process.arch === 'x64' ? /\barmv7l\b/ : /\b(armv7l|armv8l|aarch64)\b/,
};

/** The page of the example, read from a platform's image, as a line that says which machine made it. */
export function checkPage(platform, page) {
  const line = page.replaceAll(/<title>.*<\/title>|<[^>]*>/g, '').trim();
  if (!machines[platform].test(line))
    throw new Error(`the page of ${platform} does not say that such a machine made it: ${line}`);
  return line;
}

export function say(title) {
  console.log(`\n== ${title}\n`);
}

/**
 * Runs `body` with a home folder that is deleted afterwards: nothing of the user's is read or written.
 *
 * @param {(home: string, env: Record<string, string | undefined>) => Promise<void>} body `env` is the whole environment
 */
export async function withHome(body) {
  const home = await mkdtemp(join(tmpdir(), 'mabuild-demo-'));
  const began = Date.now();
  try {
    await body(home, { ...process.env, DOCKER_CONFIG: home, MABUILD_CACHE: join(home, 'cache') });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
  console.log(`\nThat took ${((Date.now() - began) / 1000).toFixed(1)} s.`);
}

/** Starts the built command, shown as one would type it. */
export function start(args, env, stdio) {
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

/** Runs the built command to its end, its output shown. */
export async function mabuild(args, env) {
  const status = await start(args, env, 'inherit').ended;
  if (status !== 0) throw new Error(`mabuild ${args[0]} ended with ${status}`);
}

/** Runs the built command to its end, and gives what it wrote to stdout. */
export async function outputOf(args, env) {
  const { child, ended } = start(args, env, ['ignore', 'pipe', 'inherit']);
  const output = await text(child.stdout);
  const status = await ended;
  if (status !== 0) throw new Error(`mabuild ${args[0]} ended with ${status}`);
  return output;
}

/** The steps that both engines share. */
export async function migrateAndBuild({ image, reading, building }, env) {
  say('The Dockerfile as it is, and what it becomes for linux/arm/v7');
  await mabuild(
    ['migrate', '--platform', 'linux/arm/v7', '--style', 'per-arch', ...reading, `${example}/Dockerfile`],
    env,
  );
  say('Three images and one manifest list, straight from the untouched Dockerfile');
  const quiet = process.stderr.isTTY ? [] : ['--progress', 'quiet'];
  const options = [...building, ...quiet, '--platform', platforms.join(','), '--push', '-t', image];
  await mabuild(['build', ...options, example], env);
  say('What the registry has now, and whether it is what it says');
  await mabuild(['inspect', '--require', platforms.join(','), image], env);
  await mabuild(['verify', image], env);
}
