import type { Readable } from 'node:stream';
import { addedEntry, openAdded } from '../../../context/archive.ts';
import type { AddedFile, BuildContext, ContextEntry } from '../../../context/context.ts';

/** What file sync serves under one name: a list of entries in walk order, and their content. */
export interface SharedFolder {
  entries(): Promise<readonly ContextEntry[]>;
  open(path: string): Promise<Readable>;
}

/** A build context with the files of builds added to it; read once, when it is first asked for. */
export class SharedContext implements SharedFolder {
  readonly #context: BuildContext;
  readonly #added = new Map<string, AddedFile>();
  readonly #signal: AbortSignal;
  #entries: Promise<readonly ContextEntry[]> | undefined;

  constructor(context: BuildContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
  }

  /** Adds files of one more build; `false` when it is too late, or a file of that name has another content. */
  add(files: readonly AddedFile[]): boolean {
    const fresh = files.filter((file) => !isSame(this.#added.get(file.path), file));
    if (fresh.length === 0) return true;
    if (this.#entries || fresh.some((file) => this.#added.has(file.path))) return false;
    for (const file of fresh) this.#added.set(file.path, file);
    return true;
  }

  entries(): Promise<readonly ContextEntry[]> {
    this.#entries ??= this.#read();
    return this.#entries;
  }

  async open(path: string): Promise<Readable> {
    const added = this.#added.get(path);
    return added ? openAdded(added) : this.#context.open(path);
  }

  async #read(): Promise<readonly ContextEntry[]> {
    const entries = new Map<string, ContextEntry>();
    for await (const entry of this.#context.entries({ signal: this.#signal })) entries.set(entry.path, entry);
    for (const file of this.#added.values()) {
      for (const folder of foldersAbove(file.path)) {
        if (entries.get(folder)?.type !== 'directory') entries.set(folder, folderEntry(folder));
      }
      entries.set(file.path, await addedEntry(file));
    }
    const list = [...entries.values()];
    return this.#added.size === 0 ? list : sortForWalk(list);
  }
}

/** Dockerfiles, one per platform, as a folder of their own. */
export class SharedDockerfiles implements SharedFolder {
  readonly #texts = new Map<string, string>();

  /** Each comes with an ignore file that ignores nothing: the context is filtered already. */
  add(name: string, text: string): void {
    this.#texts.set(name, text);
    this.#texts.set(`${name}.dockerignore`, '# filtered by mabuild\n');
  }

  async entries(): Promise<readonly ContextEntry[]> {
    const entries = [...this.#texts].map(
      ([path, text]): ContextEntry => ({
        path,
        type: 'file',
        mode: 0o644,
        size: Buffer.byteLength(text),
        mtimeMs: 0,
      }),
    );
    return sortForWalk(entries);
  }

  async open(path: string): Promise<Readable> {
    const { Readable: Source } = await import('node:stream');
    return Source.from([Buffer.from(this.#texts.get(path) ?? '')], { objectMode: false });
  }
}

function isSame(one: AddedFile | undefined, other: AddedFile): boolean {
  return (
    one !== undefined && one.mode === other.mode && JSON.stringify(one.from) === JSON.stringify(other.from)
  );
}

function folderEntry(path: string): ContextEntry {
  return { path, type: 'directory', mode: 0o755, size: 0, mtimeMs: 0 };
}

function foldersAbove(path: string): readonly string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Sorts as a walk meets things: a folder, what lies in it, then its next sibling in byte order. */
function sortForWalk(entries: readonly ContextEntry[]): readonly ContextEntry[] {
  // With the separator as the lowest byte, comparing whole paths gives the order of a walk.
  const keys = new Map(entries.map((entry) => [entry, Buffer.from(entry.path.replaceAll('/', '\0'))]));
  return [...entries].sort((a, b) => Buffer.compare(keys.get(a)!, keys.get(b)!));
}
