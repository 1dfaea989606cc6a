import type { FileHandle } from 'node:fs/promises';

/** What is written at a time, bytes. */
const batchSize = 1024 * 1024;

/** What may wait to be written, batches. */
const mostWaiting = 4;

/** Writes to a file while its next bytes are made; a few batches wait at most. */
export interface WriteBehind {
  /** Takes bytes, which stay as they are. @throws what writing earlier ones failed with */
  write(parts: readonly Uint8Array[]): Promise<void>;
  /** Writes the rest; nothing is written after it, whatever came of it. */
  end(): Promise<void>;
}

/** @param onWritten told of the bytes that the file holds */
export function writeBehind(handle: FileHandle, onWritten: (size: number) => void = () => {}): WriteBehind {
  let held: Uint8Array[] = [];
  let length = 0;
  let size = 0;
  let last = Promise.resolve();
  const waiting: Promise<void>[] = [];
  const batchAfter = async (
    before: Promise<void>,
    batch: readonly Uint8Array[],
    bytes: number,
  ): Promise<void> => {
    await before;
    await writeAll(handle, batch);
    size += bytes;
    onWritten(size);
  };
  const flush = (): void => {
    last = batchAfter(last, held, length);
    last.catch(() => {});
    waiting.push(last);
    held = [];
    length = 0;
  };
  return {
    async write(parts) {
      for (const part of parts) {
        held.push(part);
        length += part.length;
      }
      if (length < batchSize) return;
      flush();
      if (waiting.length >= mostWaiting) await waiting.shift();
    },
    async end() {
      flush();
      await last;
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
