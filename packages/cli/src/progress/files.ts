import type { Io } from '../io.ts';

/** A line on a terminal that counts files while they are checked. */
export interface FileProgress {
  onFile(done: number, total: number): void;
  /** Takes the line away again. */
  clear(): void;
}

/** Files from which on people wonder whether anything happens. */
const fewest = 200;
/** Milliseconds between two redraws. */
const pause = 100;

export function fileProgress(stream: Io['stderr']): FileProgress {
  let drawn = false;
  let last = 0;
  return {
    onFile(done, total) {
      const now = Date.now();
      if (!stream.isTTY || total < fewest || now - last < pause) return;
      last = now;
      drawn = true;
      stream.write(`\r\u001b[Kchecked ${done.toLocaleString('en')} of ${total.toLocaleString('en')} files`);
    },
    clear() {
      if (drawn) stream.write('\r\u001b[K');
      drawn = false;
    },
  };
}
