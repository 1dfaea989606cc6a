import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CompiledCode, openCode } from './compiled-code.ts';

/** Names the bundle that this file belongs to by its content; written by what makes it. */
declare const bundleName: string | undefined;

/**
 * Opens the bundle that lies beside this file; nothing where there is none, as when files run as they are written.
 *
 * @param purpose what V8 makes of it is kept apart for each
 * @param folder where that is kept
 */
export function bundledCode(purpose: string, folder: string): CompiledCode | undefined {
  if (typeof bundleName !== 'string') return undefined;
  const kept = `${purpose}-${bundleName}-${process.version}-${process.arch}`;
  return openCode(dirname(fileURLToPath(import.meta.url)), join(folder, kept));
}
