import { join } from 'node:path';
import { run } from '../../scripts/lib/run.mjs';

/** podman with a store of its own, as a judge of images. */
export interface PodmanJudge {
  /** Loads what `docker save` or an OCI archive is, and gives the id. */
  load(archive: string): Promise<string>;
  /** Pulls from a registry without TLS, and gives the id. */
  pull(
    reference: string,
    platform: { readonly architecture: string; readonly variant?: string },
  ): Promise<string>;
  /** Standard output of the image's own command. */
  run(image: string): Promise<string>;
}

/** @param folder an empty one, which the caller deletes */
export function podmanJudge(folder: string): PodmanJudge {
  const podman = (...args: readonly string[]): Promise<string> =>
    run('podman', [
      ...['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'],
      ...['--cgroup-manager', 'cgroupfs', '--runtime', 'runc', '--log-level', 'error'],
      ...args,
    ]);
  return {
    load: async (archive) => lastLine(await podman('pull', '-q', archive)),
    pull: async (reference, { architecture, variant }) =>
      lastLine(
        await podman(
          ...['pull', '-q', '--tls-verify=false', '--arch', architecture],
          ...(variant === undefined ? [] : ['--variant', variant]),
          `docker://${reference}`,
        ),
      ),
    // Where root may not raise limits, podman's own are refused.
    run: (image) =>
      podman(
        ...[
          'run',
          '--rm',
          '--network',
          'none',
          '--ulimit',
          'nofile=1024:1024',
          '--ulimit',
          'nproc=1024:1024',
        ],
        image,
      ),
  };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
