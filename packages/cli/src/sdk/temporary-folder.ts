import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { processName, processNamePattern } from '@mabuild/oci';
import type { Environment } from './environment.ts';

const pattern = new RegExp(`^mabuild-(?:${processNamePattern}-)?[0-9a-f]{12}$`);

/**
 * Makes a folder that lives as long as one call; whoever makes it deletes it.
 *
 * Its name says which process it belongs to, so that it can be told when that was killed. Nobody else may enter it.
 */
export function makeTemporaryFolder({ temporaryDirectory }: Pick<Environment, 'temporaryDirectory'>): string {
  const owner = processName();
  const hex = randomBytes(6).toString('hex');
  const name = owner === undefined ? `mabuild-${hex}` : `mabuild-${owner}-${hex}`;
  const folder = join(temporaryDirectory, name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Tells whether a name is one that {@link makeTemporaryFolder} gives. */
export function isTemporaryName(name: string): boolean {
  return pattern.test(name);
}
