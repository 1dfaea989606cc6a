import type { IncomingMessage } from 'node:http';

/** Reads a whole text answer. */
export async function readBody(
  body: IncomingMessage,
  signal: AbortSignal | undefined,
  limit: number = 64 * 1024 * 1024,
): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    signal?.throwIfAborted();
    size += chunk.length;
    if (size > limit) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Why an engine refused, by what it answered; a line, at most. */
export function errorReason(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string' && message.trim() !== '') return message.trim();
  } catch {
    // A proxy in front of the engine answers in plain text or HTML.
  }
  const first = text.trim().split('\n', 1)[0] ?? '';
  return first === '' ? 'no reason given' : first.slice(0, 300);
}
