import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CopyError } from './copy/layer-draft.ts';
import type { Download } from './steps/step.ts';

/** What a server answers to a GET. */
export interface WebPage {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
  /** A header of the answer by its lower-case name. */
  header(name: string): string | undefined;
}

/** Reads public addresses, redirects followed. */
export type WebReader = (url: string) => Promise<WebPage>;

/** Fetches each URL once for all stages and platforms. */
export function createDownloads(
  read: WebReader,
  temporaryDirectory: string,
): (url: string) => Promise<Download> {
  const known = new Map<string, Promise<Download>>();
  return (url) => {
    const found = known.get(url) ?? download(url, read, temporaryDirectory);
    known.set(url, found);
    found.catch(() => known.delete(url));
    return found;
  };
}

async function download(url: string, read: WebReader, temporaryDirectory: string): Promise<Download> {
  const shown = URL.canParse(url) ? new URL(url).origin + new URL(url).pathname : url;
  const page = await read(url).catch((error: unknown) => {
    throw new CopyError(`fetching ${shown}: ${(error as Error).message}`);
  });
  if (page.status < 200 || page.status > 299)
    throw new CopyError(`fetching ${shown}: invalid response status ${page.status}`);
  await mkdir(temporaryDirectory, { recursive: true, mode: 0o700 });
  const file = join(temporaryDirectory, `download-${randomBytes(6).toString('hex')}`);
  const hash = createHash('sha256');
  let size = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of page.body) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  };
  await pipeline(counted, createWriteStream(file, { mode: 0o600 })).catch((error: unknown) => {
    throw new CopyError(`fetching ${shown}: it was cut off (${(error as Error).message})`);
  });
  const modified = Math.floor(Date.parse(page.header('last-modified') ?? '') / 1000);
  return {
    ...{ file, size, digest: `sha256:${hash.digest('hex')}` },
    modified: Number.isNaN(modified) ? 0 : modified,
  };
}
