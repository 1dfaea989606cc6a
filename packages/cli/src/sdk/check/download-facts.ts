import type { DownloadFacts } from '@mabuild/core';
import type { WebAnswer, WebClient } from '@mabuild/registry';
import pLimit from 'p-limit';

/** Milliseconds that a publisher may take for one answer. */
const patience = 15_000;
/** Checksum documents are small; whatever is larger is something else. */
const mostBytes = 1 << 20;
const mostAtOnce = 8;

/**
 * Asks the publishers of downloads: each address once, a few at a time.
 *
 * An answer that does not come, or comes too late, is no answer.
 */
export function downloadFacts(web: Pick<WebClient, 'ask'>, signal?: AbortSignal): DownloadFacts {
  const limit = pLimit(mostAtOnce);
  const exists = new Map<string, Promise<boolean | undefined>>();
  const texts = new Map<string, Promise<string | undefined>>();
  const request = (url: string, method: 'GET' | 'HEAD'): Promise<WebAnswer | undefined> =>
    limit(async () => {
      signal?.throwIfAborted();
      const timeout = AbortSignal.timeout(patience);
      try {
        return await web.ask(url, {
          method,
          signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        });
      } catch {
        signal?.throwIfAborted();
        return undefined;
      }
    });
  const remember = <T>(known: Map<string, Promise<T>>, url: string, find: () => Promise<T>): Promise<T> => {
    const answer = known.get(url) ?? find();
    known.set(url, answer);
    return answer;
  };
  return {
    exists: (url) =>
      remember(exists, url, async () => {
        const answer = await request(url, 'HEAD');
        if (!answer) return undefined;
        if (answer.ok) return true;
        return answer.status === 404 || answer.status === 410 ? false : undefined;
      }),
    read: (url) =>
      remember(texts, url, async () => {
        const answer = await request(url, 'GET');
        return answer?.ok ? readText(answer) : undefined;
      }),
  };
}

async function readText(answer: WebAnswer): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of answer.body) {
      size += chunk.byteLength;
      if (size > mostBytes) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString('utf8');
}
