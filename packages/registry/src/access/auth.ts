import type { Credential, CredentialSource } from '@mabuild/oci';
import { redactUrl } from '../error.ts';
import { answerError } from '../http/answer-error.ts';
import { isLoopbackHost } from '../http/host-name.ts';
import type { CallAnswer, CallRequest } from '../http/transport.ts';
import { parseChallenges } from './challenge.ts';
import { normalizeScopes, repositoryOf } from './scope.ts';
import { signInRefused, wouldCrossInTheClear } from './sign-in-error.ts';
import { TokenCache } from './token-cache.ts';
import {
  basicHeader,
  readToken,
  type Token,
  type TokenServer,
  tokenRequest,
  tokenServerOf,
} from './token-server.ts';

export interface AuthenticatorOptions {
  /** The host that credentials are asked for, as references spell it. */
  readonly host: string;
  readonly credentials: CredentialSource | undefined;
  /** Whether a password may cross the network in the clear. */
  readonly insecure: boolean;
  /** Sends a request to a token server, with retries. */
  readonly call: (request: CallRequest, doing: string) => Promise<CallAnswer>;
}

interface LookUp {
  readonly pending: Promise<Credential | undefined>;
  /** Of the caller that asked. */
  readonly signal: AbortSignal | undefined;
}

/** Signs in at one registry host: nothing until it is challenged, then basic, or a token per set of scopes. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  #method: 'basic' | TokenServer | undefined;
  /** By repository, as some credentials count for one only. */
  readonly #credentials = new Map<string | undefined, LookUp>();
  readonly #tokens = new TokenCache();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /**
   * The Authorization header for a request that needs these scopes; `undefined` before the first challenge.
   * @param scopes the one first whose repository the request is for
   */
  async authorization(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    const method = this.#method;
    if (method === undefined) {
      return undefined;
    }
    return method === 'basic'
      ? this.#basic(repositoryOf(scopes), signal)
      : this.#bearer(method, scopes, normalizeScopes(scopes), signal);
  }

  /**
   * Takes in the answer 401.
   * @param sent the Authorization header that was refused.
   * @returns whether trying again makes sense.
   * @throws RegistryError `REGISTRY_UNAUTHORIZED` when the token server refuses.
   */
  async challenged(
    origin: URL,
    header: string | undefined,
    sent: string | undefined,
    scopes: readonly string[],
    signal?: AbortSignal,
  ): Promise<boolean> {
    const challenges = parseChallenges(header ?? '');
    const bearer = challenges.find(({ scheme, params }) => scheme === 'bearer' && params.realm !== undefined);
    if (bearer !== undefined) {
      const server = tokenServerOf(bearer, origin, this.#options.host);
      this.#method = server;
      if (sent !== undefined) {
        this.#tokens.refuse(sent, normalizeScopes(scopes));
      }
      const asked = normalizeScopes([...scopes, ...(bearer.params.scope ?? '').split(' ')]);
      return (await this.#bearer(server, scopes, asked, signal)) !== sent;
    }
    if (challenges.some(({ scheme }) => scheme === 'basic')) {
      const answer = await this.#basic(repositoryOf(scopes), signal, sent);
      if (answer !== undefined && !this.#mayTakePassword(origin)) {
        throw wouldCrossInTheClear(this.#options.host, origin);
      }
      this.#method = 'basic';
      return answer !== undefined && answer !== sent;
    }
    return false;
  }

  /** @param refused a header that does no more: the source may have a newer password by now. */
  async #basic(
    repository: string | undefined,
    signal: AbortSignal | undefined,
    refused?: string,
  ): Promise<string | undefined> {
    const known = await this.#lookUp(repository, signal);
    const header = known?.kind === 'basic' ? basicHeader(known) : undefined;
    if (header === undefined || header !== refused) {
      return header;
    }
    this.#credentials.delete(repository);
    const newer = await this.#lookUp(repository, signal);
    return newer?.kind === 'basic' ? basicHeader(newer) : undefined;
  }

  async #bearer(
    server: TokenServer,
    scopes: readonly string[],
    asked: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const repository = repositoryOf(scopes);
    const token = await this.#tokens.get(asked, signal, () =>
      this.#fetchToken(server, repository, asked, signal),
    );
    return token.header;
  }

  async #fetchToken(
    server: TokenServer,
    repository: string | undefined,
    scopes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Token> {
    const { host, call } = this.#options;
    const credential = await this.#lookUp(repository, signal);
    if (credential?.kind === 'registry-token') {
      return { header: `Bearer ${credential.token}`, expires: Number.POSITIVE_INFINITY };
    }
    if (credential !== undefined && !this.#mayTakePassword(server.realm)) {
      throw wouldCrossInTheClear(host, server.realm);
    }
    const doing = `signing in to ${host}`;
    const request = tokenRequest(server, scopes, credential, signal);
    const { status, header, bytes } = await call(request, doing);
    if (status < 200 || status > 299) {
      const { method, url } = request;
      const error = answerError({ method, url, doing }, { status, header, text: bytes.toString() });
      if (status < 400 || status > 403) {
        throw error;
      }
      this.#credentials.delete(repository);
      throw signInRefused(host, error.message, error);
    }
    const token = readToken(bytes);
    if (token === undefined) {
      throw signInRefused(host, `${doing}: ${redactUrl(server.realm)} gave no token in its answer`);
    }
    if (token.refreshToken !== undefined && credential?.kind === 'identity-token') {
      const renewed: Credential = { kind: 'identity-token', token: token.refreshToken };
      this.#credentials.set(repository, { pending: Promise.resolve(renewed), signal: undefined });
    }
    return token;
  }

  async #lookUp(
    repository: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Credential | undefined> {
    const { credentials, host } = this.#options;
    if (credentials === undefined) {
      return undefined;
    }
    while (true) {
      const known = this.#credentials.get(repository);
      const asked = known ?? { pending: credentials.credentialFor(host, { repository, signal }), signal };
      this.#credentials.set(repository, asked);
      try {
        return await asked.pending;
      } catch (error) {
        if (this.#credentials.get(repository) === asked) {
          this.#credentials.delete(repository);
        }
        // Another caller gave up while we waited: ask for ourselves.
        if (known === undefined || asked.signal?.aborted !== true || signal?.aborted === true) {
          throw error;
        }
      }
    }
  }

  #mayTakePassword(url: URL): boolean {
    return url.protocol === 'https:' || this.#options.insecure || isLoopbackHost(url.hostname);
  }
}
