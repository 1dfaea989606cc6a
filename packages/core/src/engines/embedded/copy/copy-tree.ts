import { parseDockerignore } from '../../../context/ignore.ts';
import type { LayerEntry } from '../layers/entry.ts';
import { listFolder, pathNames, resolvePath, type Tree, type TreeNode } from '../layers/tree.ts';
import { changeMode, type ModeChange } from './chmod.ts';
import { CopyError, type LayerDraft, type Owner } from './layer-draft.ts';

/** How files get from one tree into another. */
export interface CopyOptions {
  readonly owner: Owner | undefined;
  readonly mode: ModeChange | undefined;
  /** Patterns of what is left out, as in a .dockerignore, relative to each source. */
  readonly exclude: readonly string[];
}

/** Where files go: an absolute path; a slash at its end says that it is a folder. */
export type Destination = string;

/**
 * Copies one source, a path without patterns, as BuildKit does: a link is followed, of a folder what lies in it is taken.
 *
 * @throws CopyError when it is not there, or something else is where it goes
 */
export function copySource(
  draft: LayerDraft,
  tree: Tree,
  source: string,
  destination: Destination,
  options: CopyOptions,
): void {
  const { node } = resolvePath(tree, source);
  if (!node) throw new CopyError(`"/${source}": not found`);
  const excluded = matcher(options.exclude);
  const wanted = prepareFolder(draft, destination, options);
  const there = draft.at(wanted);
  const target =
    node.entry.type !== 'directory' && there?.entry.type === 'directory'
      ? joined(wanted, baseName(source))
      : wanted;
  makeFolders(draft, node.entry.type === 'directory' && !there ? target : parentOf(target), options);
  const copier: Copier = { draft, options, excluded, inodes: new Map() };
  if (node.entry.type !== 'directory') {
    copyNode(copier, node, target, baseName(source), true);
    return;
  }
  // The folder itself is the destination's: only what lies in it is copied.
  copyNode(copier, node, target, '', false);
}

/** Makes what a destination needs above it, and gives its path with links followed. */
export function prepareFolder(
  draft: LayerDraft,
  destination: Destination,
  options: Pick<CopyOptions, 'owner' | 'mode'>,
): string {
  const folder = destination.slice(0, destination.lastIndexOf('/') + 1);
  makeFolders(draft, draft.resolve(folder).path, options);
  return draft.resolve(destination).path;
}

/** What is made on the way gets an octal `--chmod` too, as BuildKit does: under its umask, and nothing but permissions. */
function makeFolders(
  draft: LayerDraft,
  path: string,
  { owner, mode }: Pick<CopyOptions, 'owner' | 'mode'>,
): void {
  draft.makeFolders(path, owner, typeof mode === 'number' ? mode & 0o755 : undefined);
}

/** Copies with `--parents`: what the pattern matches keeps its path below the part before `/./`. */
export function copyParents(
  draft: LayerDraft,
  tree: Tree,
  source: string,
  destination: Destination,
  options: CopyOptions,
): boolean {
  const pivot = source.indexOf('/./');
  const from = pivot < 0 ? '' : source.slice(0, pivot);
  const pattern = pathNames(pivot < 0 ? source : source.slice(pivot + 3)).join('/');
  const { node } = resolvePath(tree, from);
  if (node?.entry.type !== 'directory') throw new CopyError(`"/${pathNames(from).join('/')}": not found`);
  const wanted = prepareFolder(draft, `${destination.replace(/\/+$/, '')}/`, options);
  const included = pattern === '' ? () => true : matcher([pattern]);
  const copier: Copier = { draft, options, excluded: matcher(options.exclude), inodes: new Map() };
  let found = false;
  const visit = (folder: TreeNode, path: string, above: readonly (readonly [string, TreeNode])[]): void => {
    for (const [name, child] of listFolder(folder)) {
      const here = joined(path, name);
      if (copier.excluded?.(here)) continue;
      if (included?.(here)) {
        found = true;
        for (const [at, parent] of above) copyOne(copier, parent, joined(wanted, at), true);
        copyNode(copier, child, joined(wanted, here), here, true);
      } else if (child.children) visit(child, here, [...above, [here, child]]);
    }
  };
  visit(node, '', []);
  return found;
}

interface Copier {
  readonly draft: LayerDraft;
  readonly options: CopyOptions;
  readonly excluded: ((path: string) => boolean) | undefined;
  /** Names of one file stay names of one file within a source, not from source to source. */
  readonly inodes: Map<object, object>;
}

/** @param relative the path below the source, for what is left out */
function copyNode(copier: Copier, node: TreeNode, target: string, relative: string, own: boolean): void {
  copyOne(copier, node, target, own);
  if (!node.children) return;
  for (const [name, child] of listFolder(node)) {
    const path = joined(relative, name);
    if (copier.excluded?.(path)) {
      if (child.children) keepInside(copier, child, joined(target, name), path);
      continue;
    }
    copyNode(copier, child, joined(target, name), path, true);
  }
}

/** What `!` patterns keep inside a folder that is left out. */
function keepInside(copier: Copier, folder: TreeNode, target: string, relative: string): void {
  for (const [name, child] of listFolder(folder)) {
    const path = joined(relative, name);
    if (!copier.excluded?.(path)) {
      if (!copier.draft.at(target)) copyOne(copier, folder, target, true);
      copyNode(copier, child, joined(target, name), path, true);
    } else if (child.children) keepInside(copier, child, joined(target, name), path);
  }
}

/** @param own whether a folder that is there already gets the source's mode and owner */
function copyOne({ draft, options, inodes }: Copier, node: TreeNode, target: string, own: boolean): void {
  const there = draft.at(target);
  const { type } = node.entry;
  if (type === 'directory') {
    if (there && there.entry.type !== 'directory')
      throw new CopyError(`cannot copy to non-directory: /${target}`);
    if (!there || own) draft.put(changed(node.entry, target, options));
    return;
  }
  if (there?.entry.type === 'directory')
    throw new CopyError(`cannot replace to directory /${target} with file`);
  const inode = inodes.get(node.inode) ?? {};
  inodes.set(node.inode, inode);
  draft.put(changed(node.entry, target, options), inode);
}

function changed(entry: LayerEntry, path: string, { owner, mode }: CopyOptions): LayerEntry {
  const { type } = entry;
  return {
    ...entry,
    path,
    ...(owner ?? {}),
    ...(mode && type !== 'symlink' ? { mode: changeMode(entry.mode, mode, type === 'directory') } : {}),
  };
}

function matcher(patterns: readonly string[]): ((path: string) => boolean) | undefined {
  if (patterns.length === 0) return undefined;
  const rules = parseDockerignore(
    patterns.map((pattern) => pattern.replace(/^#/, '[#]')).join('\n'),
    '--exclude',
  );
  return (path) => rules.ignores(path);
}

function joined(folder: string, name: string): string {
  return folder === '' ? name : name === '' ? folder : `${folder}/${name}`;
}

function baseName(path: string): string {
  return pathNames(path).at(-1) ?? '';
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}
