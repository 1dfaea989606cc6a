import { chmodSync, lstatSync, readdirSync, renameSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';

/** The kernel takes no path of more than 4096 bytes; below this one there is room for the longest names. */
const longestPath = 2048;

/**
 * Deletes a folder and all that is in it, however deep it goes and whatever its folders' modes are.
 *
 * A RUN may leave paths that are longer than the kernel takes: it made them step by step.
 * @throws what the file system says of what cannot be deleted
 */
export function removeTree(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    const found = lstatSync(folder, { throwIfNoEntry: false });
    if (found === undefined) return;
    // What a link leads to is not in it.
    if (!found.isDirectory()) throw error;
    const deep = new Aside(`${folder}/.deep`);
    empty(folder, deep);
    for (let path = deep.next(); path !== undefined; path = deep.next()) {
      empty(path, deep);
      rmdirSync(path);
    }
    rmdirSync(folder);
  }
}

/** Where folders wait that lie too deep to be named. */
class Aside {
  readonly #prefix: string;
  #made = 0;
  #taken = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  add(path: string): void {
    chmodSync(path, 0o700);
    let place = this.#place(this.#made);
    // The folder may hold that name by itself.
    for (; lstatSync(place, { throwIfNoEntry: false }) !== undefined; place = this.#place(this.#made))
      this.#made += 1;
    renameSync(path, place);
    this.#made += 1;
  }

  next(): string | undefined {
    while (this.#taken < this.#made) {
      const place = this.#place(this.#taken);
      this.#taken += 1;
      if (lstatSync(place, { throwIfNoEntry: false }) !== undefined) return place;
    }
    return undefined;
  }

  #place(number: number): string {
    return `${this.#prefix}-${number}`;
  }
}

function empty(folder: string, deep: Aside): void {
  // Who is no root needs it for what is inside.
  chmodSync(folder, 0o700);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    // It was emptied meanwhile, as it bore the name of what waits.
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) continue;
    if (!entry.isDirectory()) unlinkSync(path);
    else if (Buffer.byteLength(path) >= longestPath) deep.add(path);
    else {
      empty(path, deep);
      rmdirSync(path);
    }
  }
}
