import { chmodSync, closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname } from 'node:path';
import { relayAgent } from '../../../ssh-agent.ts';
import { giveTo } from '../files/give-to.ts';
import type { JobMount } from '../helper/job.ts';

/** Makes a socket that stands for an SSH agent while this process lives. */
export async function serveAgent(
  { socket, mode, uid, gid }: Extract<JobMount, { kind: 'ssh' }>,
  path: string,
  onNote: (text: string) => void,
): Promise<void> {
  const server = createServer((client) => {
    client.on('error', () => {
      // A client that breaks off has no more to ask.
    });
    // The next request waits until this answer is taken: nobody fills the memory by asking only.
    const answer = (bytes: Uint8Array): Promise<void> =>
      new Promise((resolve, reject) => {
        client.write(bytes, (error) => (error ? reject(error) : resolve()));
      });
    relayAgent(client, answer, socket).then(
      () => client.end(),
      () => client.destroy(),
    );
  });
  // The path of a socket is at most 107 bytes long, and that of a cache may be longer.
  const folder = openSync(dirname(path), 'r');
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(`/proc/self/fd/${folder}/${basename(path)}`, resolve);
    });
  } finally {
    closeSync(folder);
  }
  server.unref();
  giveTo(path, { uid, gid }, onNote);
  chmodSync(path, mode);
}
