import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, answer } from './answer.ts';
import type { KnownBehaviour } from './behaviour.ts';
import type { Contents } from './contents.ts';
import { answerTo, type Endpoints } from './endpoints.ts';
import { findFault, type RegistryFault } from './fault.ts';
import { type RegistryPhase, routeOf } from './phase.ts';
import { countBody, cutAfter, stallAfter } from './receive.ts';
import { send } from './send.ts';
import type { TestAuthority } from './test-authority.ts';

/** A request as the registry got it. */
export interface LoggedRequest {
  readonly method: string;
  /** Path with query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** What it was for. */
  readonly phase: RegistryPhase;
  /** 0 when the connection was cut instead. */
  status: number;
  /** Bytes of its body that arrived. */
  requestBytes: number;
  /** Bytes of the answer's body. */
  answerBytes: number;
}

export interface HandlerOptions extends Endpoints {
  readonly behaviour: KnownBehaviour;
  readonly contents: Contents;
  readonly authority: TestAuthority | undefined;
  readonly faults: RegistryFault[];
  readonly requests: LoggedRequest[];
  readonly scheme: 'http' | 'https';
  readonly restart: (milliseconds: number) => Promise<void>;
}

/** Answers one request, or fails at it as the first fault that matches says. */
export async function handle(
  options: HandlerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { faults, authority } = options;
  const [method, address] = [request.method ?? 'GET', request.url ?? '/'];
  const url = new URL(address, 'http://registry');
  const entry: LoggedRequest = {
    method,
    url: address,
    headers: request.headers as Record<string, string>,
    phase: routeOf(method, url).phase,
    status: 0,
    requestBytes: 0,
    answerBytes: 0,
  };
  options.requests.push(entry);
  response.once('finish', () => {
    entry.status = response.statusCode;
  });
  countBody(request, (count) => {
    entry.requestBytes += count;
  });
  const fault = findFault(faults, method, address) ?? {};
  if (fault.expireTokens === true) {
    authority?.expire();
  }
  if (fault.delay !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, fault.delay));
  }
  if (fault.restart !== undefined) {
    await options.restart(fault.restart);
    return;
  }
  if (await stopsHere(fault, request)) {
    return;
  }
  const said = faultAnswer(fault, address) ?? (await properAnswer(options, url, request));
  if (fault.unread === true) {
    response.shouldKeepAlive = false;
    response.once('finish', () => request.socket.destroySoon());
  } else {
    // What nobody has read by now is not wanted.
    request.resume();
  }
  if (fault.cutAfterAnswer === true) {
    request.socket.destroy();
    return;
  }
  await send(request, response, signed(said, request, options), fault, (count) => {
    entry.answerBytes += count;
  });
}

/** What every answer has besides its own headers. */
function signed(said: Answer, request: IncomingMessage, { behaviour, scheme }: HandlerOptions): Answer {
  const { requestIdHeader: id, absoluteLocations } = behaviour;
  const location = said.headers.location;
  // Built from what the client calls the registry, so that it leads back through a proxy.
  const origin = `${scheme}://${request.headers.host}`;
  return {
    ...said,
    headers: {
      ...(id !== '' && { [id]: randomUUID() }),
      ...said.headers,
      ...(absoluteLocations && location?.startsWith('/') === true && { location: `${origin}${location}` }),
    },
  };
}

/** Faults after which there is no answer. */
async function stopsHere(fault: RegistryFault, request: IncomingMessage): Promise<boolean> {
  if (fault.raw !== undefined) {
    request.socket.end(fault.raw);
    return true;
  }
  if (fault.cutAfter !== undefined) {
    await cutAfter(request, fault.cutAfter);
    return true;
  }
  if (fault.stallAfter !== undefined) {
    await stallAfter(request, fault.stallAfter);
    return true;
  }
  return fault.hang === true;
}

function faultAnswer(fault: RegistryFault, address: string): Answer | undefined {
  const { status, headers, body = '', retryAfter, retryAfterDate } = fault;
  if (fault.redirectToSelf === true) {
    return answer(307, { location: address, ...headers });
  }
  if (status === undefined) {
    return undefined;
  }
  const seconds = retryAfter ?? 0;
  const date = new Date(Date.now() + seconds * 1000).toUTCString();
  return answer(
    status,
    {
      ...headers,
      ...(retryAfter !== undefined && { 'retry-after': retryAfterDate === true ? date : String(seconds) }),
    },
    Buffer.from(body as string),
  );
}

async function properAnswer(options: HandlerOptions, url: URL, request: IncomingMessage): Promise<Answer> {
  const { authority, behaviour, contents } = options;
  const route = routeOf(request.method ?? 'GET', url);
  if (authority !== undefined && route.phase !== 'storage') {
    const said = await authority.answer(request, url, route);
    if (said !== undefined) {
      return said;
    }
  }
  return answerTo({ ...route, url, request, behaviour, contents }, options);
}
