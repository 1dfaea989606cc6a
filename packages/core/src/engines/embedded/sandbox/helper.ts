import { createReadStream, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { isMabuildError, processName } from '@mabuild/oci';
import { type ProgramPlace, runProgram } from './batch.ts';
import { endProcesses } from './end-processes.ts';
import { errnoName } from './errno.ts';
import { FrameReader } from './frames.ts';
import type { JobMessage, SandboxJob } from './job.ts';
import { must } from './kernel.ts';
import { layersOf, type ShelfSite } from './layer-shelf.ts';
import { sandboxLeftovers } from './leftovers.ts';
import { removeTree } from './remove-tree.ts';
import { runInChroot } from './run-in-chroot.ts';
import { runInProot } from './run-in-proot.ts';
import { runInSandbox } from './run-in-sandbox.ts';
import type { HelperOutput } from './sandbox-run.ts';
import { tidyShelf } from './shelf-tidy.ts';

/** What the process of a helper gives. */
export interface HelperProcess {
  /** The job's line, then nothing; it ends when whoever started the helper is gone. */
  readonly input: Readable;
  /** Writes a line to file descriptor 3. */
  tell(line: string): void;
  readonly pid: number;
  readonly output: HelperOutput;
}

/**
 * Does one job with the privileges that it was started with: unpacks layers, and executes a RUN.
 *
 * It ends, and with it all that it started, when its input does.
 */
export async function serveSandbox({ input, tell, pid, output }: HelperProcess): Promise<void> {
  const say = (message: JobMessage): void => tell(`${JSON.stringify(message)}\n`);
  const gone = new AbortController();
  const job = await readJob(input, () => gone.abort());
  if (job === undefined) return;
  const { architecture, directory } = job;
  const work = `${directory}/work/${processName() ?? pid}`;
  try {
    for (const name of ['layers', 'caches', 'work'])
      mkdirSync(`${directory}/${name}`, { recursive: true, mode: 0o755 });
    mkdirSync(work, { mode: 0o700 });
    removeLeftovers(directory, { architecture, directory: work }, (text) => say({ kind: 'note', text }));
    const frames = new FrameReader(createReadStream('', { fd: 4, autoClose: false }));
    const site: ShelfSite = {
      directory,
      place: { architecture, directory: work },
      marks: job.fileSystem === 'copy' ? 'none' : job.kind === 'user-namespace' ? 'user' : 'trusted',
      ordinary: job.kind === 'proot',
      onNote: (text) => say({ kind: 'note', text }),
    };
    const layers = await layersOf(job.layers, () => frames.next(), site);
    if (job.run) {
      const run = { chroot: runInChroot, proot: runInProot }[job.kind as string] ?? runInSandbox;
      await run({ job, run: job.run, layers, frames, site, work, signal: gone.signal, say, output });
    }
    if (job.tidy)
      for (const measured of tidyShelf(directory, job.tidy, site.onNote))
        say({ kind: 'measured', ...measured });
    say({ kind: 'done' });
  } catch (error) {
    if (gone.signal.aborted) return;
    const { message, code = 'SANDBOX_FAILED' } = error as NodeJS.ErrnoException;
    const hint = isMabuildError(error) ? error.hint : undefined;
    say({ kind: 'failed', code, message, ...(hint === undefined ? {} : { hint }) });
  } finally {
    unmountAll(work, { architecture, directory });
    removeTree(work);
  }
}

/** Takes away every mount below a folder, so that deleting the folder deletes nothing else. */
function unmountAll(folder: string, place: ProgramPlace): void {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, digits) =>
        String.fromCharCode(Number.parseInt(digits, 8)),
      ),
    )
    .filter((point) => point.startsWith(`${folder}/`));
  if (points.length === 0) return;
  // MNT_DETACH
  const steps = points.reverse().map((point) => must(`unmount ${point}`, 'umount2', point, 2));
  const failure = runProgram({ ...place, directory: dirname(folder) }, steps);
  if (failure !== undefined) throw new Error(`could not ${failure.purpose} (${errnoName(failure.errno)})`);
}

async function readJob(input: Readable, onGone: () => void): Promise<SandboxJob | undefined> {
  return await new Promise((resolve) => {
    let text = '';
    const take = (chunk: Buffer): void => {
      text += chunk.toString('utf8');
      if (!text.endsWith('\n')) return;
      input.off('data', take);
      input.resume();
      resolve(JSON.parse(text) as SandboxJob);
    };
    input.on('data', take);
    input.once('end', () => {
      onGone();
      resolve(undefined);
    });
  });
}

/** Deletes what helpers left that were ended in the middle: only here may files of all its users be deleted. */
function removeLeftovers(directory: string, place: ProgramPlace, onNote: (text: string) => void): void {
  for (const path of sandboxLeftovers(directory)) {
    try {
      endProcesses(`${path}/root`, place);
      removeTree(path);
    } catch (error) {
      onNote(`what a build left in ${path} could not be deleted (${(error as Error).message})`);
    }
  }
}
