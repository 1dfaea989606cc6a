import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { SandboxRun } from '../container/sandbox-run.ts';
import type { JobEntry } from '../helper/job.ts';
import type { ChangedEntry } from './changes.ts';

export function tellChanges(changes: readonly ChangedEntry[], { run, say }: SandboxRun): void {
  say({ kind: 'changed', entries: writeContents(changes, run.contents) });
}

/** Writes the contents of changed files one after the other, and tells where each is and its digest. */
export function writeContents(changes: readonly ChangedEntry[], contents: string): readonly JobEntry[] {
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  const output = openSync(contents, 'w', 0o600);
  let at = 0;
  try {
    return changes.map(({ entry, file }): JobEntry => {
      if (entry.type !== 'file') return entry;
      const hash = createHash('sha256');
      const start = at;
      const input = openSync(file, 'r');
      try {
        for (;;) {
          const size = readSync(input, buffer, 0, buffer.length, null);
          if (size === 0) break;
          const some = buffer.subarray(0, size);
          hash.update(some);
          for (let done = 0; done < size; ) done += writeSync(output, some, done, size - done);
          at += size;
        }
      } finally {
        closeSync(input);
      }
      return { ...entry, size: at - start, at: start, digest: `sha256:${hash.digest('hex')}` };
    });
  } finally {
    closeSync(output);
  }
}
