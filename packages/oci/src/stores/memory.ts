import { createHash } from 'node:crypto';
import { mkdir, readFile, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { placeContent } from './place-file.ts';

/** Small JSON values that outlive a call, one file each; losing them costs time, never truth. */
export interface Memory {
  /** The value under a key, or `undefined` when it is unknown or unreadable. */
  get(kind: string, key: string): Promise<unknown>;
  /** Keeps a value, or forgets it where nothing can be written. */
  set(kind: string, key: string, value: unknown): Promise<void>;
}

/** Keeps values under `directory`; writes are atomic, so that concurrent runs see whole values. */
export function openMemory(directory: string): Memory {
  const fileOf = (kind: string, key: string): string =>
    join(directory, kind, `${createHash('sha256').update(key).digest('hex')}.json`);
  return {
    async get(kind, key) {
      try {
        const file = fileOf(kind, key);
        const entry = JSON.parse(await readFile(file, 'utf8')) as {
          key?: unknown;
          value?: unknown;
        };
        if (entry.key !== key) return undefined;
        // What is used stays longest.
        const now = new Date();
        await utimes(file, now, now).catch(() => undefined);
        return entry.value;
      } catch {
        return undefined;
      }
    },
    async set(kind, key, value) {
      const file = fileOf(kind, key);
      const text = JSON.stringify({ key, value });
      try {
        await mkdir(dirname(file), { recursive: true });
        await placeContent(file, text);
      } catch {
        // A full disk or a folder of somebody else's: it is found out again.
      }
    },
  };
}
