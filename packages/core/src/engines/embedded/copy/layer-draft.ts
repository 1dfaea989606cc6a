import { comparePaths, folderEntry, type LayerEntry } from '../layers/entry.ts';
import {
  nodeAt,
  pathNames,
  type Resolved,
  resolvePath,
  type Tree,
  TreeEditor,
  type TreeNode,
} from '../layers/tree.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** A reason why files cannot be put where they are wanted. */
export class CopyError extends Error {}

/** A layer in the making: what is put shows at once in the tree that it lies on. */
export class LayerDraft {
  readonly #editor: TreeEditor;
  readonly #now: number;
  /** What was put, by path. */
  readonly #changes = new Map<string, object>();

  /** @param now seconds since the epoch, for folders that are made on the way */
  constructor(tree: Tree, now: number) {
    this.#editor = new TreeEditor(tree);
    this.#now = now;
  }

  at(path: string): TreeNode | undefined {
    return nodeAt(this.#editor.tree, path);
  }

  resolve(path: string): Resolved {
    return resolvePath(this.#editor.tree, path);
  }

  /** @throws CopyError for a name that would take other files away */
  put(entry: LayerEntry, inode: object = {}): void {
    const name = entry.path.slice(entry.path.lastIndexOf('/') + 1);
    if (name.startsWith('.wh.'))
      throw new CopyError(`/${entry.path} has a name that takes files away in a layer: leave it out`);
    const replacesFolder = entry.type !== 'directory' && this.at(entry.path)?.children !== undefined;
    this.#editor.put(entry, inode);
    this.#changes.set(entry.path, inode);
    if (!replacesFolder) return;
    // What lay in the folder whose place it takes is gone with it.
    for (const path of this.#changes.keys())
      if (path.startsWith(`${entry.path}/`)) this.#changes.delete(path);
  }

  /** Gives a file another name; both belong to the layer then. */
  link(path: string, target: string): void {
    const node = this.at(target);
    if (!node || node.children)
      throw new CopyError(`/${path} is a hard link to /${target}, which is no file`);
    this.put({ ...node.entry, path: target }, node.inode);
    this.put({ ...node.entry, path }, node.inode);
  }

  /** Makes a folder and those above it that are missing; the path holds no links. */
  makeFolders(path: string, owner: Owner | undefined, mode = 0o755): void {
    let at = '';
    for (const name of pathNames(path)) {
      at = at === '' ? name : `${at}/${name}`;
      const there = this.at(at);
      if (there?.entry.type === 'directory') continue;
      if (there) throw new CopyError(`/${at} is there and is no folder`);
      this.put(folderEntry(at, { mode, mtime: this.#now, ...owner }));
    }
  }

  /** What the layer says, parents first; further names of a file are hard links to its first. */
  entries(): readonly LayerEntry[] {
    const first = new Map<object, string>();
    return [...this.#changes.entries()]
      .sort(([a], [b]) => comparePaths(a, b))
      .flatMap(([path, inode]): readonly LayerEntry[] => {
        const node = this.at(path);
        if (!node) return [];
        const entry = { ...node.entry, path };
        const other = first.get(inode);
        if (entry.type === 'directory') return [entry];
        if (other === undefined) {
          first.set(inode, path);
          return [entry];
        }
        const { digest: _, open: __, read: ___, ...fields } = entry;
        return [{ ...fields, type: 'link', size: 0, linkname: other }];
      });
  }
}
