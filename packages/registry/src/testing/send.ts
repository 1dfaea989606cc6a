import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';
import type { RegistryFault } from './fault.ts';

/** Sends an answer, with what goes wrong on its way. @param onBytes told of body bytes as they are written. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Answer,
  fault: RegistryFault = {},
  onBytes: (count: number) => void = () => undefined,
): Promise<void> {
  const sent = fault.damageBody === true ? damaged(body) : body;
  const told = fault.contentDigest;
  const bodyless = status === 204 || status === 304 || request.method === 'HEAD';
  response.writeHead(status, {
    ...headers,
    ...(told !== undefined && { 'docker-content-digest': told }),
    ...(status !== 204 &&
      fault.endless !== true && { 'content-length': String(sent.length + (fault.lengthOff ?? 0)) }),
  });
  if (bodyless) {
    response.end();
    return;
  }
  const cut = fault.cutBodyAfter ?? fault.stallBodyAfter;
  const part = cut === undefined ? sent : sent.subarray(0, cut);
  onBytes(part.length);
  if (fault.cutBodyAfter !== undefined) {
    // An empty write would not send the headers.
    response.flushHeaders();
    await written(response, part);
    request.socket.destroy();
  } else if (fault.stallBodyAfter !== undefined) {
    response.flushHeaders();
    await written(response, part);
  } else if (fault.endless === true) {
    await written(response, part);
    await writeWithoutEnd(response, onBytes);
  } else {
    response.end(part);
    if ((fault.lengthOff ?? 0) !== 0) {
      // What was told and what was sent differ, so nothing can follow on this connection.
      await once(response, 'finish').catch(() => undefined);
      request.socket.destroySoon();
    }
  }
}

function damaged(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  for (let at = copy.length >> 1; at < copy.length; at += 1) {
    copy[at] = (copy[at] ?? 0) ^ 1;
  }
  return copy;
}

function written(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    response.write(bytes, () => resolve());
  });
}

function writeWithoutEnd(response: ServerResponse, onBytes: (count: number) => void): Promise<void> {
  const filler = Buffer.alloc(65_536, ' ');
  return new Promise((resolve) => {
    const write = (): void => {
      while (!response.destroyed) {
        onBytes(filler.length);
        if (!response.write(filler)) {
          return;
        }
      }
    };
    response.on('drain', () => setImmediate(write)).once('close', resolve);
    write();
  });
}
