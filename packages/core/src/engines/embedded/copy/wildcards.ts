import { listFolder, pathNames, resolvePath, type Tree, type TreeNode } from '../layers/tree.ts';
import { CopyError } from './layer-draft.ts';

/** A pattern of Go's `filepath.Match` as a regular expression. @throws CopyError for one that is not complete */
export function goPattern(pattern: string): RegExp {
  let out = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at] as string;
    if (character === '*') out += '[^/]*';
    else if (character === '?') out += '[^/]';
    else if (character === '\\') {
      at += 1;
      if (at >= pattern.length) throw new CopyError(`the pattern ${pattern} ends with a backslash`);
      out += literal(pattern[at] as string);
    } else if (character === '[') {
      const end = classEnd(pattern, at);
      out += classSource(pattern.slice(at + 1, end));
      at = end;
    } else out += literal(character);
  }
  return new RegExp(`^${out}$`, 'su');
}

function literal(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

function classEnd(pattern: string, start: number): number {
  let at = start + 1;
  if (pattern[at] === '^') at += 1;
  for (let first = true; at < pattern.length; at += 1, first = false) {
    if (pattern[at] === '\\') at += 1;
    else if (pattern[at] === ']' && !first) return at;
  }
  throw new CopyError(`the pattern ${pattern} has a [ without its ]`);
}

function classSource(body: string): string {
  const negated = body.startsWith('^');
  let out = '';
  for (let at = negated ? 1 : 0; at < body.length; at += 1) {
    const character = body[at] as string;
    if (character === '\\') {
      at += 1;
      out += body[at] === '-' ? '\\-' : literal(body[at] ?? '\\');
    } else out += literal(character);
  }
  return `[${negated ? '^/' : ''}${out}]`;
}

/** Tells whether a path of COPY is a pattern. */
export function isPattern(path: string): boolean {
  for (let at = 0; at < path.length; at += 1) {
    if (path[at] === '\\') at += 1;
    else if ('*?['.includes(path[at] as string)) return true;
  }
  return false;
}

/**
 * The paths of a tree that a source of COPY names: itself, or what the pattern matches; folders that match are not looked
 * into. Links above the first name with a pattern are followed.
 */
export function matchPaths(tree: Tree, source: string): readonly string[] {
  if (!isPattern(source)) return [pathNames(source).join('/')];
  const names = pathNames(source);
  const at = names.findIndex(isPattern);
  const { path, node } = resolvePath(tree, names.slice(0, at).join('/'));
  if (!node) return [];
  const pattern = goPattern(names.slice(at).join('/'));
  const depth = names.length - at;
  const found: string[] = [];
  const visit = (folder: TreeNode, below: readonly string[]): void => {
    if (below.length >= depth) return;
    for (const [name, child] of listFolder(folder)) {
      const here = [...below, name];
      if (here.length === depth && pattern.test(here.join('/')))
        found.push([path, ...here].join('/').replace(/^\//, ''));
      else if (child.children) visit(child, here);
    }
  };
  visit(node, []);
  return found;
}
