import { MabuildError } from '@mabuild/oci';
import { comparePaths, folderEntry, type LayerEntry } from './entry.ts';

/** A path of a merged view. */
export interface TreeNode {
  /** Never a `link`, `whiteout` or `opaque`. */
  readonly entry: LayerEntry;
  /** The same object for all names of one file. */
  readonly inode: object;
  /** Of a folder. */
  readonly children?: ReadonlyMap<string, TreeNode> | undefined;
}

/** The merged view of several layers; it never changes. */
export type Tree = TreeNode;

/** Where a path leads when links are followed, and what is there. */
export interface Resolved {
  /** Relative to the root; empty for the root itself. */
  readonly path: string;
  readonly node: TreeNode | undefined;
}

/** Links that one path may lead through, as in containerd. */
const mostLinks = 255;

/** A tree with nothing but its root. */
export function emptyTree(): Tree {
  return { entry: folderEntry(''), inode: {}, children: new Map() };
}

/** The names of a path; `.`, empty names and what climbs above the root are gone. */
export function pathNames(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names;
}

/** What lies at a path; no link is followed. */
export function nodeAt(tree: Tree, path: string): TreeNode | undefined {
  let node: TreeNode | undefined = tree;
  for (const name of path.includes('..') ? pathNames(path) : path.split('/'))
    if (name !== '' && name !== '.') node = node?.children?.get(name);
  return node;
}

/**
 * Follows every link of a path, the last name's included, never leaving the root; what is not there is kept as it is.
 * @throws MabuildError `TOO_MANY_LINKS` for links that lead in a circle
 */
export function resolvePath(tree: Tree, path: string): Resolved {
  let left = path.split('/');
  let links = 0;
  const done: { name: string; node: TreeNode | undefined }[] = [];
  const here = (): TreeNode | undefined => (done.length === 0 ? tree : done.at(-1)?.node);
  while (left.length > 0) {
    const name = left[0] as string;
    left = left.slice(1);
    if (name === '' || name === '.') continue;
    if (name === '..') {
      done.pop();
      continue;
    }
    const node = here()?.children?.get(name);
    if (node?.entry.type !== 'symlink') {
      done.push({ name, node });
      continue;
    }
    links += 1;
    if (links > mostLinks) {
      throw new MabuildError(`following links from /${pathNames(path).join('/')}: there are too many`, {
        code: 'TOO_MANY_LINKS',
        hint: 'links lead in a circle: look with `ls -l` in the base image',
      });
    }
    const target = node.entry.linkname ?? '';
    if (target.startsWith('/')) done.length = 0;
    left = [...target.split('/'), ...left];
  }
  return { path: done.map(({ name }) => name).join('/'), node: here() };
}

/** Everything in a folder, by bytes of the names. */
export function listFolder(node: TreeNode): readonly (readonly [string, TreeNode])[] {
  return [...(node.children ?? [])].sort(([a], [b]) => comparePaths(a, b));
}

/** The tree with a layer on top. @throws MabuildError `INVALID_TAR` for a hard link to nothing */
export function applyLayer(tree: Tree, entries: Iterable<LayerEntry>): Tree {
  const editor = new TreeEditor(tree);
  const added: LayerEntry[] = [];
  // What a layer takes away lies in the layers below, wherever the layer says so.
  for (const entry of entries) {
    if (entry.type === 'whiteout') editor.remove(entry.path);
    else if (entry.type === 'opaque') editor.empty(entry.path);
    else added.push(entry);
  }
  for (const entry of added) {
    if (entry.type === 'link') editor.link(entry);
    else editor.put(entry);
  }
  return editor.tree;
}

interface MutableNode extends TreeNode {
  readonly children?: Map<string, MutableNode> | undefined;
}

/** Changes a tree; the one that it began with stays as it is, and what does not change is shared with it. */
export class TreeEditor {
  #root: MutableNode;
  /** Nodes that were made here, and so may be changed. */
  readonly #own = new WeakSet<TreeNode>();

  constructor(tree: Tree) {
    this.#root = tree as MutableNode;
  }

  get tree(): Tree {
    return this.#root;
  }

  /** Puts an entry; a folder over a folder keeps what lies in it, anything else takes the place of what was there. */
  put(entry: LayerEntry, inode: object = {}): void {
    const names = pathNames(entry.path);
    const name = names.pop();
    if (name === undefined) return;
    const parent = this.#folder(names);
    const there = parent.children?.get(name);
    const children =
      entry.type === 'directory'
        ? new Map(there?.entry.type === 'directory' ? there.children : [])
        : undefined;
    const node: MutableNode = { entry, inode, ...(children ? { children } : {}) };
    this.#own.add(node);
    parent.children?.set(name, node);
  }

  /** Gives a file another name. */
  link(entry: LayerEntry): void {
    const target = nodeAt(this.#root, entry.linkname ?? '');
    if (!target || target.entry.type === 'directory') {
      throw new MabuildError(
        `${entry.path} is a hard link to ${entry.linkname}, which is no file of the layers`,
        {
          code: 'INVALID_TAR',
          hint: 'the archive is damaged or made to mislead',
        },
      );
    }
    this.put({ ...target.entry, path: entry.path }, target.inode);
  }

  remove(path: string): void {
    const names = pathNames(path);
    const name = names.pop();
    if (name === undefined || !nodeAt(this.#root, path)) return;
    this.#folder(names).children?.delete(name);
  }

  /** Takes away what lies in a folder. */
  empty(path: string): void {
    if (nodeAt(this.#root, path)?.entry.type === 'directory') this.#folder(pathNames(path)).children?.clear();
  }

  /** A folder that may be changed, made where it is missing. */
  #folder(names: readonly string[]): MutableNode {
    let node = this.#mine(this.#root, (copy) => {
      this.#root = copy;
    });
    for (const [depth, name] of names.entries()) {
      const children = node.children as Map<string, MutableNode>;
      const there = children.get(name);
      if (there?.entry.type === 'symlink') {
        // A layer may write through a link of the layers below, as its extraction would.
        const { path, node: target } = resolvePath(this.#root, names.slice(0, depth + 1).join('/'));
        if (!target || target.entry.type === 'directory')
          return this.#folder([...pathNames(path), ...names.slice(depth + 1)]);
      }
      if (there?.entry.type === 'directory') {
        node = this.#mine(there, (copy) => void children.set(name, copy));
        continue;
      }
      const made: MutableNode = {
        entry: folderEntry(names.slice(0, depth + 1).join('/')),
        inode: {},
        children: new Map(),
      };
      this.#own.add(made);
      children.set(name, made);
      node = made;
    }
    return node;
  }

  #mine(node: MutableNode, replace: (copy: MutableNode) => void): MutableNode {
    if (this.#own.has(node)) return node;
    const copy: MutableNode = { entry: node.entry, inode: node.inode, children: new Map(node.children) };
    this.#own.add(copy);
    replace(copy);
    return copy;
  }
}
