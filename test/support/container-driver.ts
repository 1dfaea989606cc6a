/** Runs images in sandboxes as whoever starts it: a job as JSON on stdin, the results as JSON on stdout. */
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { type ContainerConfig, isMabuildError } from '@mabuild/oci';
import { runImageIn } from '../../packages/core/src/engines/embedded/run-image.ts';
import { createSandbox } from '../../packages/core/src/engines/embedded/sandbox/sandbox.ts';
import { openMemory } from '../../packages/core/src/memory.ts';
import type { ContainerAnswer, ContainerJob, ContainerRun } from './container-messages.ts';
import { layerOfTar, sandboxOptions } from './sandbox.ts';

const job = JSON.parse(readFileSync(0, 'utf8')) as ContainerJob;
const options = sandboxOptions(job.helper, job.directory, job.options);
const sandbox = createSandbox(options);
const memory = openMemory(`${job.directory}-memory`);
const answers: ContainerAnswer[] = [];
for (const run of job.runs) {
  const layer = layerOfTar(readFileSync(run.layer ?? job.layer));
  const platform = run.platform ?? options.platform;
  const config: ContainerConfig = run.config ?? {};
  const image = {
    platform,
    config: { ...platform, config, rootfs: { type: 'layers' as const, diff_ids: [layer.diffId] } },
    manifest: { schemaVersion: 2 as const, config: layer.descriptor, layers: [layer.descriptor] },
    source: { root: layer.descriptor, read: () => layer.read() },
  };
  const said = { stdout: '', stderr: '' };
  const stop = new AbortController();
  let answer: Pick<ContainerAnswer, 'code' | 'error'>;
  try {
    const code = await runImageIn(sandbox, image, run.request ?? {}, {
      memory,
      temporaryDirectory: `${job.directory}-temporary`,
      signal: stop.signal,
      input: run.input && inputOf(run.input),
      stopWith: () => run.stop?.signal ?? 15,
      onOutput(stream, chunk) {
        said[stream] += Buffer.from(chunk).toString('utf8');
        if (run.stop && said.stdout.includes(run.stop.after)) stop.abort(new Error('stopped'));
      },
    });
    answer = { code };
  } catch (error) {
    if (!isMabuildError(error) && !stop.signal.aborted) throw error;
    answer = { error: { code: isMabuildError(error) ? error.code : '', message: (error as Error).message } };
  }
  answers.push({ ...answer, ...said });
}
function inputOf({ text, times = 1, endless }: NonNullable<ContainerRun['input']>): Readable {
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let time = 0; time < times; time += 1) yield Buffer.from(text);
    if (endless) await new Promise(() => undefined);
  }
  return Readable.from(chunks(), { objectMode: false });
}

process.stdout.write(JSON.stringify(answers));
