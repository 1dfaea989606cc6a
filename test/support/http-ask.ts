import { type IncomingHttpHeaders, request } from 'node:http';

/** What a plain HTTP request brought. */
export interface Told {
  /** 0 when no answer came. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As much of the body as came. */
  readonly text: string;
}

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Tell a body of so many bytes, send `body`, and cut the connection. */
  readonly cutOf?: number;
}

/** Sends one request as it is, follows nothing and tries nothing again. */
export function ask(method: string, url: string, options: AskOptions = {}): Promise<Told> {
  const { headers = {}, body = '', cutOf } = options;
  const length = headers['transfer-encoding'] === undefined ? (cutOf ?? Buffer.byteLength(body)) : undefined;
  return new Promise((resolve) => {
    const outgoing = request(
      url,
      {
        method,
        agent: false,
        headers: {
          ...headers,
          ...(length !== undefined && method !== 'GET' && { 'content-length': String(length) }),
        },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        const end = (): void =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text: Buffer.concat(chunks).toString(),
          });
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.once('end', end);
        answer.once('error', end);
      },
    );
    outgoing.once('error', () => resolve({ status: 0, headers: {}, text: '' }));
    if (cutOf === undefined) outgoing.end(body);
    // The other side shall have what was sent before it hears of the cut.
    else outgoing.write(body, () => setTimeout(() => outgoing.destroy(), 50));
  });
}
