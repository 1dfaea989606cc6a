import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { allSandboxLeftovers, sweepSandboxes } from '@mabuild/core';
import { type CallOptions, isLeftBehind, unfinishedFiles } from '@mabuild/oci';
import type { Environment } from './environment.ts';
import { machineOf } from './machine.ts';
import { sandboxOptions } from './sandbox.ts';
import { isTemporaryName } from './temporary-folder.ts';
import { thisUser } from './user.ts';

type Places = Pick<Environment, 'cacheDirectory' | 'temporaryDirectory'>;

/** Finds what runs of mabuild left that were killed: temporary folders, parts of cached files, and sandboxes. Deletes nothing. */
export async function findLeftovers(places: Places): Promise<readonly string[]> {
  return [...(await findFiles(places)), ...allSandboxLeftovers(join(places.cacheDirectory, 'sandbox'))];
}

/**
 * Deletes what {@link findLeftovers} finds, each sandbox's files as the users that they belong to.
 *
 * @param helper the module that serves sandboxes; without it those stay
 * @returns what is gone now
 */
export async function sweepLeftovers(
  environment: Environment,
  { helper, signal }: CallOptions & { readonly helper?: URL | undefined },
): Promise<readonly string[]> {
  const files = await findFiles(environment);
  for (const path of files) {
    signal?.throwIfAborted();
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
  const gone: string[] = [];
  for (const path of files) if (!(await isThere(path))) gone.push(path);
  const platform = machineOf(environment.architecture);
  const sandbox = sandboxOptions(environment, { platform, helper, qemu: undefined });
  return sandbox === undefined ? gone : [...gone, ...(await sweepSandboxes(sandbox, { signal }))];
}

async function findFiles({ cacheDirectory, temporaryDirectory }: Places): Promise<readonly string[]> {
  const folders = [
    join(cacheDirectory, 'content', 'blobs', 'sha256'),
    join(cacheDirectory, 'manifests'),
    ...(await subfolders(join(cacheDirectory, 'memory'))),
  ];
  const parts = await Promise.all(folders.map((folder) => unfinishedFiles(folder)));
  const leases = join(cacheDirectory, 'leases');
  // Behind a link lie files of somebody else.
  const isOwn = (await lstat(leases).catch(() => undefined))?.isDirectory() ?? false;
  const held = isOwn ? (await namesIn(leases)).map((name) => join(leases, name)) : [];
  return [
    ...(await temporaryFolders(temporaryDirectory)),
    ...parts.flat(),
    ...held.filter((path) => isLeftBehind(path)),
  ];
}

/** Others may write to that folder too: what is not this user's own is left alone. */
async function temporaryFolders(directory: string): Promise<readonly string[]> {
  const { uid } = thisUser();
  const found: string[] = [];
  for (const name of await namesIn(directory)) {
    const path = join(directory, name);
    if (!isTemporaryName(name) || !isLeftBehind(path)) continue;
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.isDirectory() && (uid < 0 || stats.uid === uid)) found.push(path);
  }
  return found;
}

async function subfolders(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return await readdir(directory).catch(() => []);
}

async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}
