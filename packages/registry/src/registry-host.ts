import type { CredentialSource, OpenBody } from '@mabuild/oci';
import { MabuildError } from '@mabuild/oci';
import { Authenticator } from './auth.ts';
import { answerError, RegistryError, type RegistryErrorCode, redactUrl } from './error.ts';
import type { OnRegistryEvent } from './event.ts';
import { apiHost, isLoopbackHost } from './host-name.ts';
import { backoff, isPassingStatus, parseRetryAfter, pause, type RetryPolicy } from './retry.ts';
import {
  asFault,
  type CallAnswer,
  type CallRequest,
  ConnectionFault,
  type StreamAnswer,
  type Transport,
} from './transport.ts';
import { resolveUploadLocation } from './upload-location.ts';

export interface RegistryHostOptions {
  /** As references spell it, or an address with scheme (a mirror). */
  readonly host: string;
  readonly transport: Transport;
  readonly credentials: CredentialSource | undefined;
  /** Plain http and any certificate are fine. */
  readonly insecure: boolean;
  readonly retry: RetryPolicy;
  readonly onEvent: OnRegistryEvent;
}

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

export interface CallHostRequest extends HostRequest {
  readonly body?: Uint8Array | undefined;
}

export interface StreamHostRequest extends HostRequest {
  readonly body?: { readonly open: OpenBody; readonly size: number } | undefined;
  readonly onBytes?: ((written: number) => void) | undefined;
}

/** An answer, with the address that gave it in the end. */
export type Answered<T> = T & { readonly url: URL };

/** A registry as the client talks to it: its scheme, who is signed in, redirects, and what is tried again. */
export class RegistryHost {
  /** The host that credentials belong to. */
  readonly name: string;
  readonly #options: RegistryHostOptions;
  readonly #auth: Authenticator;
  /** Left to try, best first; one is left after the first answer. */
  #origins: readonly URL[];
  #answered = false;

  constructor(options: RegistryHostOptions) {
    this.#options = options;
    this.#origins = originsOf(options.host, options.insecure);
    this.name = options.host.includes('://') ? this.#origin.host : options.host;
    this.#auth = new Authenticator({
      host: this.name,
      credentials: options.credentials,
      insecure: options.insecure || options.host.startsWith('http://'),
      call: (request, doing) => this.#callTokenServer(request, doing),
    });
  }

  /** Sends a small request and reads the whole answer; failures that may pass are tried again. */
  call(request: CallHostRequest): Promise<Answered<CallAnswer>> {
    return this.retrying(request, () => this.callOnce(request));
  }

  /** @see RegistryHost.call */
  async callOnce(request: CallHostRequest): Promise<Answered<CallAnswer>> {
    const { method, body, signal } = request;
    const answer = await this.#exchange(request, (url, headers) =>
      this.#options.transport.call({ method, url, headers, body, signal }),
    );
    if (isGood(answer.status, request)) {
      return answer;
    }
    throw this.#asError(request, answer, answer.bytes.toString());
  }

  /** Opens a body, or sends one, once: what a retry must do differs. @see RegistryHost.retrying */
  async stream(request: StreamHostRequest): Promise<Answered<StreamAnswer>> {
    const answer = await this.#exchange(request, async (url, headers) => {
      const body = request.body && { stream: await request.body.open(), size: request.body.size };
      const { method, onBytes, signal } = request;
      return this.#options.transport.stream({ method, url, headers, body, onBytes, signal });
    });
    if (isGood(answer.status, request)) {
      return answer;
    }
    throw this.#asError(request, answer, await readShort(answer.body));
  }

  /**
   * Tries an action until it succeeds, fails for good, or has been tried often enough.
   * @throws RegistryError; the signal's reason.
   */
  async retrying<T>(
    about: Pick<HostRequest, 'method' | 'target' | 'doing' | 'signal'>,
    action: (attempt: number) => Promise<T>,
  ): Promise<T> {
    const { retry, onEvent } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await action(attempt);
      } catch (error) {
        if (about.signal?.aborted === true) {
          throw about.signal.reason;
        }
        const failure = this.#passing(error);
        if (failure === undefined || attempt >= retry.attempts) {
          throw error instanceof ConnectionFault ? this.#unreachable(about, error) : error;
        }
        const asked = failure.retryAfter;
        const delay = Math.min(asked ?? backoff(retry, attempt), retry.maxDelay);
        onEvent({
          type: 'registry-retry',
          host: this.name,
          doing: about.doing,
          reason: failure.reason,
          attempt,
          attempts: retry.attempts,
          delay,
          asked: asked !== undefined,
        });
        await pause(delay, about.signal);
      }
    }
  }

  get #origin(): URL {
    return this.#origins[0]!;
  }

  /** One exchange: scheme, authorisation, redirects. Faults and statuses come back as they are. */
  async #exchange<T extends CallAnswer | StreamAnswer>(
    request: HostRequest,
    perform: (url: URL, headers: Record<string, string>) => Promise<T>,
  ): Promise<Answered<T>> {
    let url = this.#resolve(request.target);
    let challenged = false;
    let redirects = 0;
    // A request that ran beside this one may have found out that the host speaks the other scheme.
    const isStale = (asked: URL): boolean =>
      redirects === 0 && typeof request.target === 'string' && asked.origin !== this.#origin.origin;
    while (true) {
      const ours = url.origin === this.#origin.origin;
      const authorization = ours ? await this.#auth.authorization(request.scopes, request.signal) : undefined;
      let answer: T;
      try {
        answer = await perform(url, {
          ...request.headers,
          ...(authorization !== undefined && { authorization }),
        });
      } catch (error) {
        if (request.signal?.aborted !== true && (isStale(url) || (ours && this.#otherScheme(error)))) {
          url = this.#resolve(request.target);
          continue;
        }
        throw error;
      }
      if (isStale(url) || (ours && !this.#answered && (await this.#wantsTls(answer, request.signal)))) {
        await discard(answer);
        url = this.#resolve(request.target);
        continue;
      }
      if (ours) {
        this.#settle();
      }
      if (answer.status === 401 && ours && !challenged) {
        challenged = true;
        const header = answer.header('www-authenticate');
        if (
          await this.#auth.challenged(this.#origin, header, authorization, request.scopes, request.signal)
        ) {
          await discard(answer);
          continue;
        }
      }
      const next = redirectOf(answer, url, request);
      if (next === undefined) {
        return { ...answer, url };
      }
      await discard(answer);
      redirects += 1;
      if (redirects > 5) {
        throw new RegistryError(`${request.doing}: ${redactUrl(url)} redirects without end`, {
          code: 'REGISTRY_ERROR',
        });
      }
      url = next;
    }
  }

  #resolve(target: string | URL): URL {
    return typeof target === 'string' ? new URL(target, this.#origin) : target;
  }

  #settle(): void {
    this.#answered = true;
    this.#origins = this.#origins.slice(0, 1);
  }

  /** Moves to the next scheme when this one cannot be spoken with the host. */
  #otherScheme(error: unknown): boolean {
    if (this.#answered || this.#origins.length < 2 || !(error instanceof ConnectionFault)) {
      return false;
    }
    const fromTls = this.#origin.protocol === 'https:';
    if (!(fromTls ? /^(ECONNREFUSED|EPROTO|HPE_.*|ERR_SSL_.*)$/ : /^HPE_/).test(error.code)) {
      return false;
    }
    this.#origins = this.#origins.slice(1);
    return true;
  }

  /** Tells whether a TLS server answered to plain http, and moves to https if so. */
  async #wantsTls(answer: CallAnswer | StreamAnswer, signal: AbortSignal | undefined): Promise<boolean> {
    const secure = this.#origins.find(({ protocol }) => protocol === 'https:');
    if (answer.status !== 400 || this.#origin.protocol !== 'http:' || secure === undefined) {
      return false;
    }
    // The words stand in the body, which a HEAD does not have.
    const probe = await this.#options.transport.call({
      method: 'GET',
      url: new URL('/v2/', this.#origin),
      headers: {},
      signal,
    });
    if (probe.status !== 400 || !/to (an )?HTTPS (server|port)/i.test(probe.bytes.toString())) {
      return false;
    }
    this.#origins = [secure];
    return true;
  }

  #callTokenServer(request: CallRequest, doing: string): Promise<CallAnswer> {
    const { url: target, method, signal } = request;
    return this.retrying({ method, target, doing, signal }, async () => {
      const answer = await this.#options.transport.call(request);
      if (isPassingStatus(answer.status)) {
        throw this.#asError(
          { method, target, doing, scopes: [] },
          { ...answer, url: target },
          answer.bytes.toString(),
        );
      }
      return answer;
    });
  }

  #asError(request: HostRequest, answer: Answered<CallAnswer | StreamAnswer>, text: string): RegistryError {
    const { status, header, url } = answer;
    const error = answerError(
      { method: request.method, url, doing: request.doing },
      { status, header, text },
      request.notFound,
    );
    retryAfters.set(error, parseRetryAfter(header('retry-after'), Date.now()));
    return error;
  }

  /** What is worth another try. */
  #passing(error: unknown): { reason: string; retryAfter: number | undefined } | undefined {
    if (error instanceof RegistryError && error.status !== undefined) {
      return isPassingStatus(error.status) || isLostUpload(error)
        ? { reason: String(error.status), retryAfter: retryAfters.get(error) }
        : undefined;
    }
    if (!(error instanceof ConnectionFault) || isLasting(error.code)) {
      return undefined;
    }
    // A host that never answered is down or misspelt; one that did is perhaps starting again.
    return error.code === 'ECONNREFUSED' && !this.#answered
      ? undefined
      : { reason: error.code, retryAfter: undefined };
  }

  #unreachable(
    about: Pick<HostRequest, 'method' | 'target' | 'doing'>,
    fault: ConnectionFault,
  ): RegistryError {
    const url = this.#resolve(about.target);
    return new RegistryError(
      `${about.doing}: ${about.method} ${redactUrl(url)} got no answer: ${wordsFor(fault.code)}`,
      {
        code: 'REGISTRY_UNREACHABLE',
        hint: hintForFault(fault.code, this.name),
      },
    );
  }
}

const retryAfters = new WeakMap<RegistryError, number | undefined>();

function originsOf(host: string, insecure: boolean): readonly URL[] {
  try {
    if (host.includes('://')) {
      return [new URL(new URL(host).origin)];
    }
    const name = apiHost(host);
    const [secure, plain] = [new URL(`https://${name}`), new URL(`http://${name}`)];
    if (isLoopbackHost(secure.hostname)) {
      return [plain, secure];
    }
    return insecure ? [secure, plain] : [secure];
  } catch (cause) {
    throw new MabuildError(`${host} is not a registry host`, {
      code: 'INVALID_REFERENCE',
      hint: 'write HOST or HOST:PORT, or for a mirror http://HOST:PORT',
      cause,
    });
  }
}

function isGood(status: number, request: HostRequest): boolean {
  return (status >= 200 && status < 300) || request.accept?.includes(status) === true;
}

/** Where a redirect leads; credentials stay behind unless it is the registry itself. */
function redirectOf(answer: CallAnswer | StreamAnswer, url: URL, request: HostRequest): URL | undefined {
  const reading = request.method === 'GET' || request.method === 'HEAD';
  const follows = reading ? [301, 302, 303, 307, 308] : [307, 308];
  const location = answer.header('location');
  if (!follows.includes(answer.status) || location === undefined) {
    return undefined;
  }
  if (!reading) {
    return resolveUploadLocation(url, location, request.doing);
  }
  try {
    const next = new URL(location, url);
    return next.protocol === 'http:' || next.protocol === 'https:' ? next : undefined;
  } catch {
    return undefined;
  }
}

async function discard(answer: CallAnswer | StreamAnswer): Promise<void> {
  if ('body' in answer) {
    await readShort(answer.body);
  }
}

/** Reads the beginning of a body; what is longer is cut off with its connection. */
async function readShort(body: StreamAnswer['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > 65_536) {
        break;
      }
    }
  } catch (error) {
    if (asFault(error) instanceof ConnectionFault) {
      return '';
    }
    throw error;
  }
  return Buffer.concat(chunks).toString();
}

/** The registry forgot an upload, or lost count of it: it can be begun again. */
function isLostUpload(error: RegistryError): boolean {
  const code = error.registryCode;
  return code === 'BLOB_UPLOAD_UNKNOWN' || code === 'BLOB_UPLOAD_INVALID' || error.status === 416;
}

/** Faults that another try will not mend. */
function isLasting(code: string): boolean {
  return (
    code === 'ENOTFOUND' ||
    code === 'EPROTO' ||
    code === 'ANSWER_TOO_LONG' ||
    code === 'BODY_CUT_SHORT' ||
    /CERT|SELF_SIGNED|ERR_TLS|ERR_SSL|ERR_INVALID|HPE_/.test(code)
  );
}

function wordsFor(code: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'the connection was refused (ECONNREFUSED)';
    case 'ECONNRESET':
    case 'EPIPE':
      return `the connection was cut (${code})`;
    case 'ENOTFOUND':
      return 'there is no such host (ENOTFOUND)';
    case 'EAI_AGAIN':
      return 'the host name could not be looked up (EAI_AGAIN)';
    case 'ETIMEDOUT':
      return 'it did not answer in time (ETIMEDOUT)';
    default:
      return code;
  }
}

function hintForFault(code: string, host: string): string {
  if (/CERT|SELF_SIGNED|ERR_TLS/.test(code)) {
    return `give the certificate authority of ${host} in the configuration, or mark the registry as insecure`;
  }
  if (/EPROTO|ERR_SSL|HPE_/.test(code)) {
    return `${host} does not speak TLS; mark it as insecure if it is meant to be plain http`;
  }
  return `check that ${host} is spelt right, running and reachable from here`;
}
