import type { CredentialSource, OpenBody } from '@mabuild/oci';
import { Authenticator } from '../access/auth.ts';
import { RegistryError, redactUrl } from '../error.ts';
import type { OnRegistryEvent } from '../event.ts';
import { longestToken, readBeginning } from '../http/answer-body.ts';
import { answerError } from '../http/answer-error.ts';
import { ConnectionFault, faultHint, faultWords } from '../http/connection-fault.ts';
import { Origins } from '../http/origins.ts';
import { isPassingStatus, type RetryPolicy } from '../http/retry.ts';
import type { CallAnswer, CallRequest, StreamAnswer, Transport } from '../http/transport.ts';
import { type Answered, exchange, type HostRequest, type Peer } from './exchange.ts';
import { retrying } from './retrying.ts';

export type { Answered, HostRequest } from './exchange.ts';

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

export interface CallHostRequest extends HostRequest {
  readonly body?: Uint8Array | undefined;
}

export interface StreamHostRequest extends HostRequest {
  readonly body?: { readonly open: OpenBody; readonly size: number | undefined } | undefined;
  readonly onBytes?: ((written: number) => void) | undefined;
}

/** A registry as the client talks to it: its scheme, who is signed in, redirects, and what is tried again. */
export class RegistryHost {
  /** The host that credentials belong to. */
  readonly name: string;
  readonly #options: RegistryHostOptions;
  readonly #origins: Origins;
  readonly #peer: Peer;

  constructor(options: RegistryHostOptions) {
    const { host, insecure, transport, credentials } = options;
    this.#options = options;
    this.#origins = new Origins(host, insecure);
    this.name = host.includes('://') ? this.#origins.current.host : host;
    this.#peer = {
      origins: this.#origins,
      insecure,
      auth: new Authenticator({
        host: this.name,
        credentials,
        insecure: insecure || host.startsWith('http://'),
        call: (request, doing) => this.#callTokenServer({ ...request, doing }),
      }),
      probe: (url, signal) => transport.call({ method: 'GET', url, headers: {}, signal }),
    };
  }

  /** Whether the host ever answered. */
  get answered(): boolean {
    return this.#origins.answered;
  }

  /** The Authorization header of a request that needs these scopes; `undefined` where nobody had to sign in. */
  authorization(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    return this.#peer.auth.authorization(scopes, signal);
  }

  /** Sends a small request and reads the whole answer; failures that may pass are tried again. */
  call(request: CallHostRequest): Promise<Answered<CallAnswer>> {
    return this.retrying(request, () => this.callOnce(request));
  }

  /** @see RegistryHost.call */
  async callOnce(request: CallHostRequest): Promise<Answered<CallAnswer>> {
    const { method, body, doing, signal } = request;
    const answer = await exchange(this.#peer, request, (url, headers) =>
      this.#options.transport.call({ method, url, headers, body, doing, signal }),
    );
    if (isGood(answer.status, request)) {
      return answer;
    }
    throw asError(request, answer, answer.bytes.toString());
  }

  /** Opens a body, or sends one, once: what a retry must do differs. @see RegistryHost.retrying */
  async stream(request: StreamHostRequest): Promise<Answered<StreamAnswer>> {
    const answer = await exchange(this.#peer, request, async (url, headers) => {
      const body = request.body && { stream: await request.body.open(), size: request.body.size };
      const { method, onBytes, signal } = request;
      return this.#options.transport.stream({ method, url, headers, body, onBytes, signal });
    });
    if (!isGood(answer.status, request)) {
      throw asError(request, answer, await readBeginning(answer.body));
    }
    if (request.body !== undefined) {
      // Whoever sent a body wants no other, and the next request its connection.
      await readBeginning(answer.body);
    }
    return answer;
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
    const { doing, signal } = about;
    const hasAnswered = (): boolean => this.#origins.answered;
    try {
      return await retrying({ host: this.name, retry, onEvent, doing, hasAnswered, signal }, action);
    } catch (error) {
      throw error instanceof ConnectionFault && signal?.aborted !== true
        ? this.#unreachable(about, error)
        : error;
    }
  }

  #callTokenServer(request: CallRequest & { readonly doing: string }): Promise<CallAnswer> {
    const { url: target, method, doing, signal } = request;
    return this.retrying({ method, target, doing, signal }, async () => {
      const answer = await this.#options.transport.call({ ...request, longest: longestToken });
      if (isPassingStatus(answer.status)) {
        throw asError({ method, doing }, { ...answer, url: target }, answer.bytes.toString());
      }
      return answer;
    });
  }

  #unreachable(
    { method, target, doing }: Pick<HostRequest, 'method' | 'target' | 'doing'>,
    { code }: ConnectionFault,
  ): RegistryError {
    const url = this.#origins.resolve(target);
    const words = faultWords(code, this.#options.transport.proxyOf(url));
    return new RegistryError(`${doing}: ${method} ${redactUrl(url)} got no answer: ${words}`, {
      code: 'REGISTRY_UNREACHABLE',
      hint: faultHint(code, this.name),
      method,
      url,
    });
  }
}

function isGood(status: number, request: HostRequest): boolean {
  return (status >= 200 && status < 300) || request.accept?.includes(status) === true;
}

function asError(
  request: Pick<HostRequest, 'method' | 'doing' | 'notFound'>,
  { status, header, url }: Answered<CallAnswer | StreamAnswer>,
  text: string,
): RegistryError {
  const { method, doing, notFound } = request;
  return answerError({ method, url, doing }, { status, header, text }, notFound);
}
