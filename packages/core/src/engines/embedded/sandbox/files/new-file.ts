import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs';

/** Zeroes that are left out as a hole. */
const hole = Buffer.alloc(64 * 1024);

/**
 * Writes a file where there is none, never through a link; zeroes become holes.
 * @param finish gives it what it is to have besides, while it is open
 */
export async function writeNewFile(
  file: string,
  content: AsyncIterable<Uint8Array> | undefined,
  finish: (descriptor: number) => void,
): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const descriptor = openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    let position = 0;
    let written = 0;
    for await (const chunk of content ?? []) {
      for (let at = 0; at < chunk.length; at += hole.length) {
        const part = chunk.subarray(at, at + hole.length);
        if (!hole.subarray(0, part.length).equals(part)) {
          for (let done = 0; done < part.length; )
            done += writeSync(descriptor, part, done, part.length - done, position + done);
          written = position + part.length;
        }
        position += part.length;
      }
    }
    if (written < position) ftruncateSync(descriptor, position);
    finish(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
