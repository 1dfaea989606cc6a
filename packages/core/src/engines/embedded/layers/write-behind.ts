import type { FileHandle } from 'node:fs/promises';

/** What is written at a time, bytes. */
const batchSize = 1024 * 1024;

/** Writes to a file while its next bytes are made; no more than two batches wait. */
export interface WriteBehind {
  /** Takes bytes, which stay as they are. @throws what writing earlier ones failed with */
  write(parts: readonly Uint8Array[]): Promise<void>;
  /** Writes the rest; nothing is written after it, whatever came of it. */
  end(): Promise<void>;
}

export function writeBehind(handle: FileHandle): WriteBehind {
  let held: Uint8Array[] = [];
  let length = 0;
  let underway = Promise.resolve();
  const flush = async (): Promise<void> => {
    await underway;
    underway = writeAll(handle, held);
    underway.catch(() => {});
    held = [];
    length = 0;
  };
  return {
    async write(parts) {
      for (const part of parts) {
        held.push(part);
        length += part.length;
      }
      if (length >= batchSize) await flush();
    },
    async end() {
      await flush();
      await underway;
    },
  };
}

async function writeAll(handle: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  for (let left = parts; left.length > 0; ) {
    const { bytesWritten } = await handle.writev(left);
    left = after(left, bytesWritten);
  }
}

/** What is left when so many bytes are gone. */
function after(parts: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let gone = bytes;
  for (const [index, part] of parts.entries()) {
    if (gone < part.length) return [part.subarray(gone), ...parts.slice(index + 1)];
    gone -= part.length;
  }
  return [];
}
