import type { Authenticator } from '../access/auth.ts';
import { RegistryError, type RegistryErrorCode, redactUrl } from '../error.ts';
import { readBeginning } from '../http/answer-body.ts';
import { ConnectionFault } from '../http/connection-fault.ts';
import type { CallAnswer, StreamAnswer } from '../http/http-message.ts';
import type { Origins } from '../http/origins.ts';
import { mostRedirects, redirectOf } from '../http/redirect.ts';

/** One request to a registry. */
export interface HostRequest {
  readonly method: string;
  /** Path and query below the host, or an address that the registry gave. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly scopes: readonly string[];
  /** In words, for errors and events. */
  readonly doing: string;
  /** Statuses besides 2xx that are an answer and not an error. */
  readonly accept?: readonly number[] | undefined;
  /** What a 404 is called. */
  readonly notFound?: RegistryErrorCode | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An answer, with the address that gave it in the end. */
export type Answered<T> = T & { readonly url: URL };

/** The host that a request goes to. */
export interface Peer {
  readonly origins: Origins;
  readonly auth: Authenticator;
  /** Plain http and any certificate are fine. */
  readonly insecure: boolean;
  /** Asks an address by GET, once. */
  readonly probe: (url: URL, signal: AbortSignal | undefined) => Promise<CallAnswer>;
}

/** A connection that was given up while idle is opened again at once, so often for one request. */
const mostStale = 2;

/**
 * One exchange with a host: its scheme, authorisation, redirects, and connections that were given up meanwhile. Faults
 * and statuses come back as they are. Credentials go to the host's own origin alone.
 * @param perform sends the request once, and can do so again.
 */
export async function exchange<T extends CallAnswer | StreamAnswer>(
  { origins, auth, insecure, probe }: Peer,
  request: HostRequest,
  perform: (url: URL, headers: Record<string, string>) => Promise<T>,
): Promise<Answered<T>> {
  const { method, doing, scopes, signal } = request;
  let url = origins.resolve(request.target);
  const challenged = { unsigned: false, signed: false };
  let redirects = 0;
  let stale = 0;
  const ask = (address: URL): Promise<CallAnswer> => probe(address, signal);
  // A request that ran beside this one may have found out that the host speaks the other scheme.
  const isOutdated = (asked: URL): boolean =>
    redirects === 0 && typeof request.target === 'string' && !origins.isOurs(asked);
  while (true) {
    const ours = origins.isOurs(url);
    const authorization = ours ? await auth.authorization(scopes, signal) : undefined;
    let answer: T;
    try {
      answer = await perform(url, {
        ...request.headers,
        ...(authorization !== undefined && { authorization }),
      });
    } catch (error) {
      if (signal?.aborted === true) {
        throw error;
      }
      if (isOutdated(url) || (ours && (await origins.moveAfterFault(error, ask)))) {
        url = origins.resolve(request.target);
        continue;
      }
      // A conditional write that was done although its answer was lost would be refused the second time.
      const repeatable = request.headers?.['if-match'] === undefined;
      if (error instanceof ConnectionFault && error.stale && repeatable && stale < mostStale) {
        stale += 1;
        continue;
      }
      throw error;
    }
    const moved = ours && (await origins.moveAfterStatus(answer.status, ask));
    if (moved || isOutdated(url)) {
      await discard(answer);
      url = origins.resolve(request.target);
      continue;
    }
    if (ours) {
      origins.settle();
    }
    // A token that was just given may have ended already, so a signed request has a second try of its own.
    const kind = authorization === undefined ? 'unsigned' : 'signed';
    if (answer.status === 401 && ours && !challenged[kind]) {
      challenged[kind] = true;
      const header = answer.header('www-authenticate');
      if (await auth.challenged(origins.current, header, authorization, scopes, signal)) {
        await discard(answer);
        continue;
      }
    }
    const next = redirectOf(answer, { method, url, doing, insecure });
    if (next === undefined) {
      return { ...answer, url };
    }
    await discard(answer);
    redirects += 1;
    if (redirects > mostRedirects) {
      throw new RegistryError(`${doing}: ${method} ${redactUrl(url)} redirects without end`, {
        code: 'REGISTRY_ERROR',
        hint: 'the registry, or a proxy before it, sends its callers in circles',
      });
    }
    url = next;
  }
}

async function discard(answer: CallAnswer | StreamAnswer): Promise<void> {
  if ('body' in answer) {
    await readBeginning(answer.body);
  }
}
