import { createReadStream, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Readable, Writable } from 'node:stream';
import { isMabuildError, processName } from '@mabuild/oci';
import { type ProgramPlace, runProgram } from '../calls/batch.ts';
import { errnoName } from '../calls/errno.ts';
import { must } from '../calls/kernel.ts';
import { endLeft } from '../container/end-processes.ts';
import { runInChroot } from '../container/run-in-chroot.ts';
import { runInProot } from '../container/run-in-proot.ts';
import { runInSandbox } from '../container/run-in-sandbox.ts';
import type { HelperOutput, SandboxRun } from '../container/sandbox-run.ts';
import { fullDisk, fullDiskNote } from '../files/full-disk.ts';
import { pathError } from '../files/path-error.ts';
import { removeTree } from '../files/remove-tree.ts';
import { layersOf, type ShelfSite } from '../shelf/layer-shelf.ts';
import { sandboxLeftovers } from '../shelf/leftovers.ts';
import { tidyShelf } from '../shelf/shelf-tidy.ts';
import { FrameReader } from './frames.ts';
import type { JobMessage, SandboxJob, StopLine } from './job.ts';

/** What the process of a helper gives. */
export interface HelperProcess {
  /** A line for each job; it ends when whoever started the helper is gone, or needs it no more. */
  readonly input: Readable;
  /** Writes a line to file descriptor 3. */
  tell(line: string): void;
  readonly pid: number;
}

/**
 * Does jobs one after the other, with the privileges that it was started with: unpacks layers, and executes RUNs.
 *
 * It ends, and with it all that it started, when its input does, and after a job that failed.
 */
export async function serveSandbox({ input, tell, pid }: HelperProcess): Promise<void> {
  const say = (message: JobMessage): void => tell(`${JSON.stringify(message)}\n`);
  const gone = new AbortController();
  const frames = new FrameReader(createReadStream('', { fd: 4, autoClose: false }));
  const output: HelperOutput = { stdout: outputOf('stdout', say), stderr: outputOf('stderr', say) };
  const name = String(processName() ?? pid);
  let stop = new AbortController();
  const next = jobsOf(input, { gone: () => gone.abort(), stop: (number) => stop.abort(number) });
  for (let job = await next(); job !== undefined; job = await next()) {
    const { signal } = gone;
    if (!(await serveJob({ job, name, frames, signal, stop: stop.signal, say, output }))) return;
    stop = new AbortController();
  }
}

interface JobSite extends Pick<SandboxRun, 'job' | 'frames' | 'signal' | 'stop' | 'say' | 'output'> {
  /** Of this process. */
  readonly name: string;
}

/** Does one job; what it made but the layers is gone when the end of it is told. @returns whether another may come */
async function serveJob({ job, name, frames, signal, stop, say, output }: JobSite): Promise<boolean> {
  const { architecture, directory } = job;
  const work = `${directory}/work/${name}`;
  const taken = frames.taken;
  let end: JobMessage | undefined;
  try {
    for (const folder of ['layers', 'caches', 'work'])
      mkdirSync(`${directory}/${folder}`, { recursive: true, mode: 0o755 });
    mkdirSync(work, { mode: 0o700 });
    removeLeftovers(directory, { architecture, directory: work }, (text) => say({ kind: 'note', text }));
    const site: ShelfSite = {
      directory,
      place: { architecture, directory: work },
      marks: job.fileSystem === 'copy' ? 'none' : job.kind === 'user-namespace' ? 'user' : 'trusted',
      ordinary: job.kind === 'proot',
      onNote: (text) => say({ kind: 'note', text }),
      onDiffers: (id) => say({ kind: 'differs', id }),
    };
    const layers = await layersOf(job.layers, () => frames.next(), site);
    if (job.run) {
      const run = { chroot: runInChroot, proot: runInProot }[job.kind as string] ?? runInSandbox;
      const tell = (message: JobMessage): void => {
        const note = message.kind === 'exited' && message.code !== 0 ? fullDiskNote(directory) : undefined;
        // What the command says of it names none of the machine's folders.
        if (note !== undefined) site.onNote(note);
        say(message);
      };
      await run({ job, run: job.run, layers, frames, site, work, signal, stop, say: tell, output });
    }
    if (job.tidy)
      for (const measured of tidyShelf(directory, job.tidy, site.onNote))
        say({ kind: 'measured', ...measured });
    await frames.finish();
    end = { kind: 'done', streams: frames.taken - taken };
  } catch (error) {
    if (signal.aborted) return false;
    const told = fullDisk(error, directory) ?? pathError(error, work) ?? error;
    const { message, code = 'SANDBOX_FAILED' } = told as NodeJS.ErrnoException;
    const hint = isMabuildError(told) ? told.hint : undefined;
    say({ kind: 'failed', code, message, ...(hint === undefined ? {} : { hint }) });
  } finally {
    unmountAll(work, { architecture, directory });
    removeTree(work);
  }
  if (end) say(end);
  return end !== undefined;
}

/** What a command writes is told in the order of everything else. */
function outputOf(stream: 'stdout' | 'stderr', say: (message: JobMessage) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      say({ kind: 'output', stream, data: chunk.toString('base64') });
      done();
    },
  });
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
  // The disk may be full; that folder is in memory.
  const memory = `${folder}/private`;
  const directory = points.includes(memory) ? memory : dirname(folder);
  const failure = runProgram({ ...place, directory }, steps);
  if (failure !== undefined) throw new Error(`could not ${failure.purpose} (${errnoName(failure.errno)})`);
}

const stopLine = '{"stop":';

/** Reads jobs as they are asked for; `undefined` when none comes any more. */
function jobsOf(
  input: Readable,
  on: { gone(): void; stop(signal: number): void },
): () => Promise<SandboxJob | undefined> {
  const lines: string[] = [];
  let text = '';
  let ended = false;
  let wake = (): void => undefined;
  input.setEncoding('utf8');
  input.on('data', (chunk: string) => {
    const [first = '', ...others] = chunk.split('\n');
    text += first;
    for (const other of others) {
      if (text.startsWith(stopLine)) on.stop((JSON.parse(text) as StopLine).stop);
      else lines.push(text);
      text = other;
    }
    wake();
  });
  input.once('end', () => {
    ended = true;
    on.gone();
    wake();
  });
  return async () => {
    while (lines.length === 0 && !ended)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    const line = ended ? undefined : lines.shift();
    return line === undefined ? undefined : (JSON.parse(line) as SandboxJob);
  };
}

/** Deletes what helpers left that were ended in the middle: only here may files of all its users be deleted. */
function removeLeftovers(directory: string, place: ProgramPlace, onNote: (text: string) => void): void {
  for (const path of sandboxLeftovers(directory)) {
    try {
      endLeft(path, place);
      removeTree(path);
    } catch (error) {
      onNote(`what a build left in ${path} could not be deleted (${(error as Error).message})`);
    }
  }
}
