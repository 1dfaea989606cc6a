import { parentPort, workerData } from 'node:worker_threads';
import type { DownloadFacts, ImageFacts } from '@mabuild/core';
import { type CheckHow, checkFile } from './sdk/check/check-file.ts';
import {
  type CheckedFile,
  type FromWorker,
  lighten,
  type Question,
  type ToWorker,
  toError,
  toFailure,
} from './sdk/check/check-messages.ts';
import { imageFacts } from './sdk/check/image-facts.ts';
import { rulesFor } from './sdk/check/rules.ts';

/** What the main thread starts a worker with. */
interface Start {
  readonly how: CheckHow;
  readonly online: boolean;
  /** The main thread knows of images what everybody knows. */
  readonly offline: boolean;
}

const { how, online, offline } = workerData as Start;
const rules = rulesFor(how.severities);
const port = parentPort;
const open = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
let asked = 0;

const send = (message: FromWorker): void => port?.postMessage(message);

function ask<T>(question: Question, about: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    asked += 1;
    open.set(asked, { resolve: (answer) => resolve(answer as T), reject });
    send({ kind: 'asked', id: asked, question, about });
  });
}

const known = new Map<string, ReturnType<ImageFacts['platformsOf']>>();
// Without a network each thread knows as much as the main one.
const images: ImageFacts = offline
  ? imageFacts(undefined)
  : {
      platformsOf(reference) {
        const answer = known.get(reference) ?? ask('platformsOf', reference);
        known.set(reference, answer);
        return answer;
      },
    };
const downloads: DownloadFacts | undefined = online
  ? { exists: (url) => ask('exists', url), read: (url) => ask('read', url) }
  : undefined;

port?.on('message', async (message: ToWorker) => {
  if (message.kind === 'answered') open.get(message.id)?.resolve(message.answer);
  if (message.kind === 'refused') open.get(message.id)?.reject(toError(message.failure));
  if (message.kind !== 'check') {
    open.delete(message.id);
    return;
  }
  const results: CheckedFile[] = [];
  for (const { index, job } of message.jobs) {
    try {
      const result = await checkFile(job, how, { images, downloads, rules });
      results.push({ index, result: lighten(result) });
    } catch (error) {
      send({ kind: 'failed', index, failure: toFailure(error) });
    }
  }
  send({ kind: 'checked', results });
});
