import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isMabuildError, MabuildError } from '@mabuild/oci';
import { unwritable } from '../../file-error.ts';
import { type Output, outputFailure } from './output.ts';

/**
 * Looks whether an output can be written, and makes nothing: who builds for an hour hears of it before.
 * @param output with an absolute path
 * @param images how many are written; each of several gets a file of its own where a file holds one image
 * @throws MabuildError `FILE_UNWRITABLE`
 */
export async function checkDestination(output: Output, images: number): Promise<void> {
  if (!('path' in output)) return;
  const { type, path } = output;
  const name = `${type}:${path}`;
  try {
    if (type === 'oci' || type === 'local') return await checkFolder(name, path);
    if (type === 'oci-archive' || images === 1) await refuseFolder(name, path);
    await checkParent(name, path);
  } catch (error) {
    throw outputFailure(output, error);
  }
}

/**
 * Looks whether a file can be written, and makes nothing.
 * @throws MabuildError `FILE_UNWRITABLE`
 */
export async function checkFile(file: string): Promise<void> {
  await refuseFolder(file, file);
  try {
    await checkParent(file, file);
  } catch (error) {
    throw isMabuildError(error) ? error : unwritable(file, error as Error);
  }
}

async function checkParent(name: string, file: string): Promise<void> {
  const parent = dirname(file);
  if (!(await stat(parent)).isDirectory()) throw noFolder(name, parent);
  await access(parent, constants.W_OK | constants.X_OK);
}

/** A folder that can be written, or that can be made below the next one above. */
async function checkFolder(name: string, folder: string): Promise<void> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && dirname(folder) !== folder) return undefined;
    throw error;
  });
  if (found === undefined) return checkFolder(name, dirname(folder));
  if (!found.isDirectory()) throw noFolder(name, folder);
  await access(folder, constants.W_OK | constants.X_OK);
}

async function refuseFolder(name: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) return;
  throw new MabuildError(`writing ${name}: it is a folder`, {
    code: 'FILE_UNWRITABLE',
    hint: 'name a file, or oci:DIR for a layout in a folder',
  });
}

function noFolder(name: string, file: string): MabuildError {
  return new MabuildError(`writing ${name}: ${file} is no folder`, {
    code: 'FILE_UNWRITABLE',
    hint: 'name another place',
  });
}
