import type { IncomingMessage } from 'node:http';

/** What the registry says to a request. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export function answer(
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body: string | Buffer = '',
): Answer {
  return { status, headers, body: Buffer.from(body as string) };
}

/** distribution-spec, "Error Codes". */
export function failure(status: number, code: string, message: string, detail?: unknown): Answer {
  const body = JSON.stringify({ errors: [{ code, message, ...(detail !== undefined && { detail }) }] });
  return answer(status, { 'content-type': 'application/json' }, body);
}

export function unsupported(): Answer {
  return failure(405, 'UNSUPPORTED', 'The operation is unsupported.');
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
