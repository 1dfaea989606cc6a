import { fileURLToPath } from 'node:url';
import * as debs from '../../scripts/lib/debs.mjs';

const cache = fileURLToPath(new URL('../../.cache/debs', import.meta.url));

/** Tells whether Debian packages can be fetched here; suites that need them skip when not. */
export function hasDebs(): Promise<boolean> {
  return debs.hasApt();
}

/** A folder with the unpacked files of a Debian package, e.g. `debTree('busybox-static', 'armhf')`. */
export function debTree(name: string, architecture: string): Promise<string> {
  return debs.debTree(name, architecture, { cache });
}
