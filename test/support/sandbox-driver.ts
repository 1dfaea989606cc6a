/** Executes commands in sandboxes as whoever starts it: a job as JSON on stdin, the results as JSON on stdout. */
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { pruneItems } from '../../packages/core/src/engines/embedded/cache/prune.ts';
import { createSandbox } from '../../packages/core/src/engines/embedded/sandbox/sandbox.ts';
import type { SandboxRequest } from '../../packages/core/src/engines/embedded/sandbox/sandbox-request.ts';
import { layerOfTar, sandboxOptions } from './sandbox.ts';
import type { DriverAnswer, DriverJob, DriverResult } from './sandbox-messages.ts';

const job = JSON.parse(readFileSync(0, 'utf8')) as DriverJob;
const options = sandboxOptions(job.helper, job.directory, job.options);
const sandbox = createSandbox(options);
const results: DriverResult[] = [];
for (const item of job.commands) {
  let stdout = '';
  let stderr = '';
  const notes: string[] = [];
  const architecture = options.platform.architecture;
  const request: SandboxRequest = {
    platform: item.platform ?? { os: 'linux', architecture },
    layers: item.layers.map((path) => layerOfTar(readFileSync(path))),
    command: {
      arguments: typeof item.command === 'string' ? ['/bin/sh', '-c', item.command] : item.command,
      environment: item.environment ?? { PATH: '/bin' },
      directory: item.directory ?? '/',
      user: item.user ?? { uid: 0, gid: 0, groups: [] },
    },
    network: item.network ?? 'host',
    mounts: (item.mounts ?? []).map((mount) =>
      'from' in mount && mount.from !== undefined
        ? { ...mount, from: { layers: mount.from.map((path) => layerOfTar(readFileSync(path))) } }
        : { ...mount, from: undefined },
    ) as unknown as SandboxRequest['mounts'],
    temporaryDirectory: `${job.directory}-temporary`,
  };
  try {
    const result = await sandbox.execute(request, {
      onOutput: (stream, chunk) => {
        if (stream === 'stdout') stdout += Buffer.from(chunk).toString('utf8');
        else stderr += Buffer.from(chunk).toString('utf8');
      },
      onNote: (note) => notes.push(note),
    });
    if (result.kind !== 'changed') {
      results.push({ ...result, stdout, stderr, notes });
      continue;
    }
    const entries = [];
    for (const { open, digest: _, ...entry } of result.entries)
      entries.push(
        entry.type === 'file' && open && entry.size < 100_000
          ? { ...entry, content: await text(await open()) }
          : entry,
      );
    await result.release();
    results.push({ kind: 'changed', entries, stdout, stderr, notes });
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    results.push({ kind: 'failed', code, message, stdout, stderr, notes });
  }
}
const { tried } = await sandbox.choice();
const emulations = await Promise.all((job.emulations ?? []).map((platform) => sandbox.emulation(platform)));
const pruned = job.prune && (await pruneItems({ directory: job.directory, sandbox: options }));
process.stdout.write(
  JSON.stringify({ results, tried, emulations, ...(pruned && { pruned }) } satisfies DriverAnswer),
);
