import { posix } from 'node:path';
import type { ContextEntry } from '../../../context/context.ts';

/** Links that one path may lead through before it counts as a circle. */
const mostLinks = 255;

/**
 * Says which entries a receiver asked for: what its paths and wildcards name, what lies below, the folders above, and
 * whatever links on the way point at.
 *
 * @param paths `followpaths` and `include-patterns`; none asks for everything
 */
export function followPaths(
  entries: readonly ContextEntry[],
  paths: readonly string[],
): (path: string) => boolean {
  const cleaned = paths.map((path) => posix.normalize(`/${path}`).slice(1).replace(/\/$/, ''));
  if (cleaned.length === 0 || cleaned.some((path) => path === '' || path === '.')) return () => true;
  const wanted = new Set<string>();
  const tree = new Map(entries.map((entry) => [entry.path, entry]));
  for (const path of cleaned) follow(path.split('/'), '', tree, wanted, mostLinks);
  const above = new Set<string>();
  for (const path of wanted) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      above.add(path.slice(0, slash));
    }
  }
  return (path) => {
    if (wanted.has(path) || above.has(path)) return true;
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      if (wanted.has(path.slice(0, slash))) return true;
    }
    return false;
  };
}

function follow(
  parts: readonly string[],
  folder: string,
  tree: ReadonlyMap<string, ContextEntry>,
  wanted: Set<string>,
  links: number,
): void {
  const [part, ...rest] = parts;
  if (part === undefined || links === 0) {
    if (folder !== '') wanted.add(folder);
    return;
  }
  const below = folder === '' ? '' : `${folder}/`;
  const matches = /[*?[\\]/.test(part) ? childrenMatching(part, below, tree) : [`${below}${part}`];
  for (const path of matches) {
    const entry = tree.get(path);
    if (entry?.type === 'symlink') {
      wanted.add(path);
      const target = posix.normalize(
        posix.join('/', entry.linkname?.startsWith('/') ? '' : folder, entry.linkname ?? ''),
      );
      const next = [...target.split('/').filter((name) => name !== ''), ...rest];
      follow(next, '', tree, wanted, links - 1);
    } else {
      follow(rest, path, tree, wanted, links);
    }
  }
}

function childrenMatching(
  pattern: string,
  below: string,
  tree: ReadonlyMap<string, ContextEntry>,
): readonly string[] {
  const expression = globExpression(pattern);
  const found: string[] = [];
  for (const path of tree.keys()) {
    if (!path.startsWith(below)) continue;
    const name = path.slice(below.length);
    if (!name.includes('/') && expression.test(name)) found.push(path);
  }
  return found;
}

/** One path segment of Go's filepath.Match; a pattern that cannot be read matches itself. */
function globExpression(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern.charAt(at);
    if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '\\') {
      at += 1;
      source += escaped(pattern.charAt(at));
    } else if (character === '[' && pattern.indexOf(']', at + 2) > 0) {
      const end = pattern.indexOf(']', at + 2);
      source += `[${pattern.slice(at + 1, end).replace(/[[\]]/g, '\\$&')}]`;
      at = end;
    } else source += escaped(character);
  }
  return new RegExp(`^${source}$`, 's');
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
