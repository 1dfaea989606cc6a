import { type RegistryPhase, routeOf } from './phase.ts';

/** Something that goes wrong once (or `times` times) with a request that matches. */
export interface RegistryFault {
  /** @default any */
  readonly method?: string | undefined;
  /** Matched against path and query. @default any */
  readonly url?: RegExp | undefined;
  /** What the request is for. @default anything */
  readonly phase?: RegistryPhase | readonly RegistryPhase[] | undefined;
  /** Matching requests to let through before. @default 0 */
  readonly skip?: number | undefined;
  /** How often; `Infinity` lasts. @default 1 */
  readonly times?: number | undefined;

  /** Milliseconds to wait before answering; alone, the answer is then the usual one. */
  readonly delay?: number | undefined;
  /** Make every token given so far worthless, then go on. */
  readonly expireTokens?: boolean | undefined;

  /** Answer with this status instead. */
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array | undefined;
  /** Seconds of a Retry-After header, added to `headers`. */
  readonly retryAfter?: number | undefined;
  /** Whether `retryAfter` is told as a date. @default false: as seconds */
  readonly retryAfterDate?: boolean | undefined;
  /** Answer with a redirect (307) to the very same address. */
  readonly redirectToSelf?: boolean | undefined;
  /** Answer with bytes that are no HTTP, then cut the connection. */
  readonly raw?: string | undefined;

  /** Cut all connections, refuse new ones for so many milliseconds, and forget uploads, as a registry started anew. */
  readonly restart?: number | undefined;
  /** Never answer. */
  readonly hang?: boolean | undefined;
  /** Cut the connection after so many bytes of the request's body. */
  readonly cutAfter?: number | undefined;
  /** Take so many bytes of the request's body, and then nothing more, for ever. */
  readonly stallAfter?: number | undefined;
  /** Answer with `status` without reading the body, and close the connection, as proxies do. */
  readonly unread?: boolean | undefined;
  /** Do what was asked, then cut the connection instead of answering. */
  readonly cutAfterAnswer?: boolean | undefined;
  /** Cut the connection after so many bytes of the answer's body. */
  readonly cutBodyAfter?: number | undefined;
  /** Send so many bytes of the answer's body, and then nothing more, for ever. */
  readonly stallBodyAfter?: number | undefined;
  /** Send bytes without end after the answer's body. */
  readonly endless?: boolean | undefined;
  /** Send other bytes of the same length. */
  readonly damageBody?: boolean | undefined;
  /** Bytes by which Content-Length is off: the rest of a body that is told too short is lost. */
  readonly lengthOff?: number | undefined;
  /** Docker-Content-Digest to tell instead of the right one. */
  readonly contentDigest?: string | undefined;
}

/** Takes the first matching fault from the list, counting it down. */
export function findFault(faults: RegistryFault[], method: string, url: string): RegistryFault | undefined {
  const { phase } = routeOf(method, new URL(url, 'http://registry'));
  for (const [index, fault] of faults.entries()) {
    if ((fault.method ?? method) !== method || fault.url?.test(url) === false || !hasPhase(fault, phase)) {
      continue;
    }
    if ((fault.skip ?? 0) > 0) {
      faults[index] = { ...fault, skip: (fault.skip ?? 0) - 1 };
      continue;
    }
    const left = (fault.times ?? 1) - 1;
    if (left > 0) {
      faults[index] = { ...fault, times: left };
    } else {
      faults.splice(index, 1);
    }
    return fault;
  }
  return undefined;
}

function hasPhase({ phase: wanted }: RegistryFault, phase: RegistryPhase): boolean {
  return wanted === undefined || wanted === phase || (Array.isArray(wanted) && wanted.includes(phase));
}
