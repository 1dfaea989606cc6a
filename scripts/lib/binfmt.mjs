import { existsSync, writeFileSync } from 'node:fs';
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.mjs';

const ownPrefix = 'mabuild-test-';
const folder = '/proc/sys/fs/binfmt_misc';

/**
 * Lets this kernel run ARM programs through Debian's qemu (flags P and F), as installing qemu-user-static does on a
 * machine with an init. What is registered already stays as it is, and nothing is taken away later.
 */
export async function enableEmulation() {
  if (!(await exists(join(folder, 'register')))) {
    await run('mount', ['-t', 'binfmt_misc', 'binfmt_misc', folder]).catch((error) => {
      throw new Error(
        `cannot mount binfmt_misc; a container needs --privileged for these tests\n${error.message}`,
      );
    });
  }
  await removeLeftovers();
  for (const name of ['arm', 'aarch64', 's390x', 'x86_64']) {
    const entry = join(folder, `qemu-${name}`);
    if (await exists(entry)) {
      if ((await readFile(entry, 'utf8')).startsWith('disabled')) await writeFile(entry, '1');
    } else await register(name);
  }
}

/** Registers what Debian ships for a machine; it ships nothing for the machine's own programs. */
async function register(name) {
  if (await exists(join('/usr/share/binfmts', `qemu-${name}`))) {
    await run('update-binfmts', ['--enable', `qemu-${name}`]).catch(async () => {
      await run('update-binfmts', ['--import', `qemu-${name}`]);
      await run('update-binfmts', ['--enable', `qemu-${name}`]);
    });
    return;
  }
  // Since Debian 13.
  const text = await readFile(join('/usr/lib/binfmt.d', `qemu-${name}.conf`), 'utf8').catch(() => '');
  const line = text.split('\n').find((candidate) => candidate.startsWith(':'));
  if (line !== undefined) await writeFile(join(folder, 'register'), line);
}

/**
 * Registers one more ARM interpreter with P and without F; the newest entry wins, the machine's own stay enabled.
 *
 * The entry goes with this process, or with `remove`.
 *
 * @param {string} interpreter the path that the kernel looks up inside the image's root
 * @returns {{ remove(): void }}
 */
export function registerWithoutFixedBinary(interpreter) {
  const name = `${ownPrefix}${process.pid}`;
  const entry = join(folder, name);
  const magic = String.raw`\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00`;
  const mask = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;
  writeFileSync(join(folder, 'register'), `:${name}:M::${magic}:${mask}:${interpreter}:P`);
  function remove() {
    process.removeListener('exit', remove);
    if (existsSync(entry)) writeFileSync(entry, '-1');
  }
  process.once('exit', remove);
  return { remove };
}

/** Takes away entries of test processes that died without a chance to do it. */
async function removeLeftovers() {
  for (const name of await registered()) {
    if (!name.startsWith(ownPrefix) || existsSync(`/proc/${name.slice(ownPrefix.length)}`)) continue;
    await writeFile(join(folder, name), '-1');
  }
}

/** Names of the entries registered now. */
export async function registered() {
  return (await readdir(folder).catch(() => [])).filter((name) => name !== 'register' && name !== 'status');
}

function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
