import { writeSync } from 'node:fs';
import { serveSandbox } from '@mabuild/core';

/** Does the jobs of the embedded engine until none comes any more. @param ended called before the process ends well */
export async function serve(process: NodeJS.Process, ended: () => void): Promise<void> {
  process.once('uncaughtException', fail);
  await serveSandbox({
    input: process.stdin,
    tell: (line) => writeAll(3, Buffer.from(line)),
    pid: process.pid,
  }).catch(fail);
  ended();
  end();
}

function fail(error: Error): void {
  try {
    writeAll(2, Buffer.from(`${error.stack}\n`));
  } finally {
    end();
  }
}

/** At once: an orderly exit waits for reads that nothing ends. */
function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** The other end may read slower than lines come. */
function writeAll(descriptor: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
