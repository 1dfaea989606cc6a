import type { ElfFile, LayerFacts, ScriptFile } from './layer-facts.ts';

/** A file of an image, after all layers. */
export type ImageFile =
  | { readonly kind: 'elf'; readonly path: string; readonly layer: number; readonly file: ElfFile }
  | { readonly kind: 'script'; readonly path: string; readonly layer: number; readonly file: ScriptFile }
  | { readonly kind: 'other'; readonly path: string; readonly layer: number };

/** What an image's layers come to when they are laid over each other. */
export interface ImageFiles {
  /** Whether every layer was read: if not, a file that is not found may still be there. */
  readonly complete: boolean;
  /** The file at an absolute path, through symbolic links. */
  find(path: string): ImageFile | undefined;
  /** The files of a folder, through symbolic links, by the name that they have there. */
  list(folder: string): ReadonlyMap<string, ImageFile>;
  /** Every ELF file. */
  allElf(): IterableIterator<ImageFile & { readonly kind: 'elf' }>;
  /** The text of the loader's configuration files that are left, by path. */
  readonly loaderPaths: ReadonlyMap<string, string>;
}

interface Folder {
  readonly kind: 'folder';
  readonly children: Map<string, Node>;
}

interface Link {
  readonly kind: 'link';
  readonly target: string;
}

type Node = Folder | Link | ImageFile;

/** As many symbolic links are followed as Linux follows. */
const mostLinks = 40;
/** Distributions merged these into /usr; a base that was not read may hold the links. */
const mergedFolder = /^\/(?:usr\/)?((?:s?bin|lib(?:32|64|x32)?)(?:\/.*)?)$/;

/** Lays layers over each other, the first at the bottom; a layer without facts was not read. */
export function imageFiles(layers: readonly (LayerFacts | undefined)[]): ImageFiles {
  const root: Folder = { kind: 'folder', children: new Map() };
  const loaderPaths = new Map<string, string>();
  for (const [index, facts] of layers.entries()) {
    if (facts !== undefined) {
      layOver(root, facts, index);
      for (const [path, text] of Object.entries(facts.loaderPaths)) {
        loaderPaths.set(path, text);
      }
    }
  }
  const complete = layers.every((facts) => facts !== undefined && facts.unreadable === undefined);
  const at = (path: string): Node | undefined => {
    const node = walk(root, path);
    const merged = node === undefined && !complete ? mergedFolder.exec(path)?.[1] : undefined;
    return merged === undefined ? node : (walk(root, `/usr/${merged}`) ?? walk(root, `/${merged}`));
  };
  const find = (path: string): ImageFile | undefined => {
    const node = at(path);
    return node === undefined || node.kind === 'folder' || node.kind === 'link' ? undefined : node;
  };
  return {
    complete,
    loaderPaths: new Map([...loaderPaths].filter(([path]) => at(`/${path}`)?.kind === 'other')),
    find,
    list(folder) {
      const node = at(folder);
      const files = new Map<string, ImageFile>();
      for (const name of node?.kind === 'folder' ? node.children.keys() : []) {
        const file = find(`${folder}/${name}`);
        if (file !== undefined) {
          files.set(name, file);
        }
      }
      return files;
    },
    allElf: () => elfFilesOf(root),
  };
}

function* elfFilesOf(folder: Folder): IterableIterator<ImageFile & { readonly kind: 'elf' }> {
  for (const node of folder.children.values()) {
    if (node.kind === 'folder') {
      yield* elfFilesOf(node);
    } else if (node.kind === 'elf') {
      yield node;
    }
  }
}

function layOver(root: Folder, facts: LayerFacts, layer: number): void {
  for (const path of facts.opaque) {
    const node = walk(root, `/${path}`);
    if (node?.kind === 'folder') node.children.clear();
  }
  for (const path of facts.whiteouts) {
    const [folder, name] = splitPath(path);
    const parent = walk(root, `/${folder}`);
    if (parent?.kind === 'folder') parent.children.delete(name);
  }
  // Short paths first, so that a folder is there before what is in it.
  for (const path of [...facts.directories].sort((a, b) => a.length - b.length)) {
    const [folder, name] = splitPath(path);
    const parent = makeFolder(root, folder);
    if (name !== '' && parent.children.get(name)?.kind !== 'folder') {
      parent.children.set(name, { kind: 'folder', children: new Map() });
    }
  }
  const put = (path: string, node: Node): void => {
    const [folder, name] = splitPath(path);
    makeFolder(root, folder).children.set(name, node);
  };
  for (const { path, target, hard } of facts.links) {
    if (hard !== true) put(path, { kind: 'link', target });
  }
  for (const file of facts.elf) {
    put(file.path, { kind: 'elf', path: file.path, layer, file });
  }
  for (const file of facts.scripts) {
    put(file.path, { kind: 'script', path: file.path, layer, file });
  }
  for (const [folder, names] of Object.entries(facts.others)) {
    const parent = makeFolder(root, folder);
    for (const name of names) {
      parent.children.set(name, { kind: 'other', path: folder === '' ? name : `${folder}/${name}`, layer });
    }
  }
  for (const { path, target, hard } of facts.links) {
    if (hard !== true) continue;
    const node = entryAt(root, target);
    if (node === undefined || node.kind === 'folder') {
      put(path, { kind: 'other', path, layer });
    } else {
      put(path, node.kind === 'link' ? node : { ...node, path, layer });
    }
  }
}

/** The node of a path itself: a link in the last place is not followed. */
function entryAt(root: Folder, path: string): Node | undefined {
  const [folder, name] = splitPath(path);
  const parent = walk(root, `/${folder}`);
  return parent?.kind === 'folder' ? parent.children.get(name) : undefined;
}

/** The folder of a path, made where it is missing; links of lower layers are followed as container engines do. */
function makeFolder(root: Folder, path: string): Folder {
  const found = walk(root, `/${path}`);
  if (found?.kind === 'folder') {
    return found;
  }
  const [above, name] = splitPath(path);
  const folder: Folder = { kind: 'folder', children: new Map() };
  if (path !== '') makeFolder(root, above).children.set(name, folder);
  return path === '' ? root : folder;
}

/** The node at a path, through links, the last one too. */
function walk(root: Folder, path: string): Node | undefined {
  const rest = partsOf(path).reverse();
  let links = 0;
  let trail: Folder[] = [root];
  let node: Node | undefined = root;
  while (rest.length > 0) {
    const part = rest.pop() as string;
    if (part === '..') {
      trail = trail.length > 1 ? trail.slice(0, -1) : trail;
      node = trail.at(-1);
      continue;
    }
    const folder: Folder | undefined = node?.kind === 'folder' ? node : undefined;
    node = folder?.children.get(part);
    if (node?.kind === 'link') {
      links += 1;
      if (links > mostLinks) return undefined;
      trail = node.target.startsWith('/') ? [root] : trail;
      rest.push(...partsOf(node.target).reverse());
      node = trail.at(-1);
    } else if (node?.kind === 'folder') {
      trail = [...trail, node];
    } else if (node === undefined || rest.length > 0) {
      return undefined;
    }
  }
  return node;
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function splitPath(path: string): readonly [string, string] {
  const slash = path.lastIndexOf('/');
  return [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)];
}
