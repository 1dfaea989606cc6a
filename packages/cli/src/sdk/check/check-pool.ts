import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type CheckHow, type CheckJob, type CheckWorld, checkFile } from './check-file.ts';
import { answer, type FromWorker, lighten, type ToWorker, toError, toFailure } from './check-messages.ts';
import type { FileFindings } from './file-findings.ts';

export interface CheckManyOptions {
  /** The module to start threads with; `undefined`: all is done in this one. */
  readonly worker: URL | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onFile: ((done: number, total: number) => void) | undefined;
}

/** Files from which on threads are worth their start. */
const fewest = 64;
/** Files that go to a thread at once; fewer towards the end, so that nobody waits long for the last. */
const batch = 8;
/** This one included. */
const mostThreads = 8;

/** Checks files, side by side when there are many, and gives the results in their order. */
export async function checkMany(
  jobs: readonly CheckJob[],
  how: CheckHow,
  world: CheckWorld,
  options: CheckManyOptions,
): Promise<readonly FileFindings[]> {
  const threads = Math.min(mostThreads, availableParallelism(), Math.ceil(jobs.length / fewest));
  if (options.worker && jobs.length >= fewest && threads > 1) {
    return inThreads(jobs, how, world, { ...options, worker: options.worker, helpers: threads - 1 });
  }
  const results: FileFindings[] = [];
  for (const job of jobs) {
    // Lets the signal of Ctrl-C come in.
    if (results.length % batch === 0) await turn();
    options.signal?.throwIfAborted();
    results.push(await checkFile(job, how, world));
    options.onFile?.(results.length, jobs.length);
  }
  return results;
}

/** Lets messages and signals come in. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface ThreadOptions extends CheckManyOptions {
  readonly worker: URL;
  /** How many threads check files besides this one, which begins while they start. */
  readonly helpers: number;
}

function inThreads(
  jobs: readonly CheckJob[],
  how: CheckHow,
  world: CheckWorld,
  { worker: module, helpers, signal, onFile }: ThreadOptions,
): Promise<readonly FileFindings[]> {
  const results: (FileFindings | undefined)[] = jobs.map(() => undefined);
  const workers: Worker[] = [];
  let next = 0;
  let done = 0;
  let over = false;
  let onAbort = (): void => undefined;
  const take = (most: number): readonly number[] => {
    const fair = Math.ceil((jobs.length - next) / (2 * batch));
    const indexes = jobs.slice(next, next + Math.min(most, fair)).map((_, offset) => next + offset);
    next += indexes.length;
    return indexes;
  };
  const finished = new Promise<readonly FileFindings[]>((resolve, reject) => {
    onAbort = () => reject(signal?.reason);
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    const keep = (index: number, result: FileFindings): void => {
      results[index] = result;
      done += 1;
      onFile?.(done, jobs.length);
      if (done === jobs.length) resolve(results as readonly FileFindings[]);
    };
    for (let started = 0; started < helpers; started += 1) {
      const worker = new Worker(module, {
        workerData: { how, online: world.downloads !== undefined, offline: world.offline ?? false },
        // What is read of one file is garbage with the next: room for many files saves collecting it.
        resourceLimits: { maxYoungGenerationSizeMb: 64 },
      });
      workers.push(worker);
      const send = (message: ToWorker): void => worker.postMessage(message);
      let open = 0;
      const feed = (): void => {
        while (open < 2 * batch && next < jobs.length) {
          const indexes = take(batch);
          open += indexes.length;
          send({ kind: 'check', jobs: indexes.map((index) => ({ index, job: jobs[index] as CheckJob })) });
        }
      };
      worker.on('error', reject);
      worker.on('exit', () => reject(new Error('a thread that checks files ended before its time')));
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'asked') {
          const { id, question, about } = message;
          answer(question, about, world).then(
            (found) => send({ kind: 'answered', id, answer: found }),
            (error) => send({ kind: 'refused', id, failure: toFailure(error) }),
          );
          return;
        }
        if (message.kind === 'failed') return reject(toError(message.failure));
        for (const { index, result } of message.results) {
          open -= 1;
          keep(index, result);
        }
        feed();
      });
      feed();
    }
    const help = async (): Promise<void> => {
      while (!over && next < jobs.length) {
        for (const index of take(1)) {
          keep(index, lighten(await checkFile(jobs[index] as CheckJob, how, world)));
        }
        await turn();
      }
    };
    help().catch(reject);
  });
  return finished.finally(() => {
    over = true;
    signal?.removeEventListener('abort', onAbort);
    // The results are there: what is told of them need not wait.
    for (const worker of workers) void worker.terminate();
  });
}
