import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MabuildError } from '@mabuild/oci';
import { type Output, outputFailure } from './output.ts';

/**
 * Looks whether an output can be written, and makes nothing: who builds for an hour hears of it before.
 * @param output with an absolute path
 * @param images how many are written; each of several gets a file of its own where a file holds one image
 * @throws MabuildError `FILE_UNWRITABLE`
 */
export async function checkDestination(output: Output, images: number): Promise<void> {
  if (!('path' in output)) return;
  const isFolder = output.type === 'oci' || output.type === 'local';
  try {
    if (isFolder) return await checkFolder(output, output.path);
    if (output.type === 'oci-archive' || images === 1) await refuseFolder(output);
    const parent = dirname(output.path);
    if (!(await stat(parent)).isDirectory()) throw noFolder(output, parent);
    await access(parent, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw outputFailure(output, error);
  }
}

/** A folder that can be written, or that can be made below the next one above. */
async function checkFolder(output: Output & { readonly path: string }, folder: string): Promise<void> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && dirname(folder) !== folder) return undefined;
    throw error;
  });
  if (found === undefined) return checkFolder(output, dirname(folder));
  if (!found.isDirectory()) throw noFolder(output, folder);
  await access(folder, constants.W_OK | constants.X_OK);
}

async function refuseFolder({ type, path }: Output & { readonly path: string }): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) return;
  throw new MabuildError(`writing ${type}:${path}: it is a folder`, {
    code: 'FILE_UNWRITABLE',
    hint: 'name a file, or oci:DIR for a layout in a folder',
  });
}

function noFolder({ type, path }: Output & { readonly path: string }, file: string): MabuildError {
  return new MabuildError(`writing ${type}:${path}: ${file} is no folder`, {
    code: 'FILE_UNWRITABLE',
    hint: 'name another place',
  });
}
