import type { Credential, CredentialSource } from '@mabuild/oci';
import { type Challenge, parseChallenges } from './challenge.ts';
import { answerError, RegistryError, redactUrl } from './error.ts';
import { isLoopbackHost, isPrivateHost } from './host-name.ts';
import { coversScopes, normalizeScopes } from './scope.ts';
import type { CallAnswer, CallRequest } from './transport.ts';

export interface AuthenticatorOptions {
  /** The host that credentials are asked for, as references spell it. */
  readonly host: string;
  readonly credentials: CredentialSource | undefined;
  /** Whether a password may cross the network in the clear. */
  readonly insecure: boolean;
  /** Sends a request to a token server, with retries. */
  readonly call: (request: CallRequest, doing: string) => Promise<CallAnswer>;
}

interface Token {
  readonly header: string;
  readonly scopes: readonly string[];
  /** Milliseconds since 1970. */
  readonly expires: number;
}

type Method =
  | { readonly kind: 'basic' }
  | { readonly kind: 'bearer'; readonly realm: URL; readonly service: string | undefined };

/** Signs in at one registry host: nothing until it is challenged, then basic, or a token per set of scopes. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  #method: Method | undefined;
  #credential: Promise<Credential | undefined> | undefined;
  readonly #tokens = new Map<string, Promise<Token>>();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** The Authorization header for a request that needs these scopes; `undefined` before the first challenge. */
  async authorization(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    const method = this.#method;
    if (method === undefined) {
      return undefined;
    }
    return method.kind === 'basic'
      ? this.#basic(signal)
      : this.#bearer(method, normalizeScopes(scopes), signal);
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
      const method = this.#bearerMethod(origin, bearer);
      this.#method = method;
      const needed = normalizeScopes(scopes);
      await this.#forget(sent);
      const asked = normalizeScopes([...needed, ...(bearer.params.scope ?? '').split(' ')]);
      return (await this.#bearer(method, asked, signal)) !== sent;
    }
    if (challenges.some(({ scheme }) => scheme === 'basic')) {
      this.#method = { kind: 'basic' };
      const answer = await this.#basic(signal);
      if (answer !== undefined && origin.protocol === 'http:' && !this.#mayCrossInTheClear(origin)) {
        throw this.#tooOpen(origin);
      }
      return answer !== undefined && answer !== sent;
    }
    return false;
  }

  #bearerMethod(origin: URL, challenge: Challenge): Method & { kind: 'bearer' } {
    let realm: URL;
    try {
      realm = new URL(challenge.params.realm ?? '', origin);
    } catch {
      throw this.#refused(`${this.#options.host} names a token server that is not a URL`);
    }
    const samePlace =
      realm.hostname === origin.hostname ||
      (isLoopbackHost(realm.hostname) && isLoopbackHost(origin.hostname));
    const web = realm.protocol === 'https:' || realm.protocol === 'http:';
    if (!web || (isPrivateHost(realm.hostname) && !samePlace)) {
      throw this.#refused(
        `${this.#options.host} sends its callers to the token server ${realm.protocol}//${realm.host}, a private address that is not its own`,
      );
    }
    return { kind: 'bearer', realm, service: challenge.params.service };
  }

  async #basic(signal: AbortSignal | undefined): Promise<string | undefined> {
    const credential = await this.#lookUp(signal);
    return credential?.kind === 'basic' ? basicHeader(credential) : undefined;
  }

  async #bearer(
    method: Method & { kind: 'bearer' },
    scopes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<string> {
    while (true) {
      const known = await this.#known(scopes);
      if (known !== undefined) {
        return known.header;
      }
      const key = scopes.join(' ');
      const waiting = this.#tokens.get(key);
      const pending = waiting ?? this.#fetchToken(method, scopes, signal);
      this.#tokens.set(key, pending);
      try {
        return (await pending).header;
      } catch (error) {
        if (this.#tokens.get(key) === pending) {
          this.#tokens.delete(key);
        }
        // Another caller's request failed, perhaps because that caller gave up: ask for ourselves.
        if (waiting === undefined || signal?.aborted === true) {
          throw error;
        }
      }
    }
  }

  /** A token that was fetched before, lives on and covers the scopes. */
  async #known(scopes: readonly string[]): Promise<Token | undefined> {
    for (const [key, pending] of this.#tokens) {
      const exact = key === scopes.join(' ');
      if (!exact && !coversScopes(key.split(' '), scopes)) {
        continue;
      }
      const token = await pending.catch(() => undefined);
      if (token !== undefined && token.expires > Date.now()) {
        return token;
      }
      if (this.#tokens.get(key) === pending) {
        this.#tokens.delete(key);
      }
    }
    return undefined;
  }

  /** Drops the token that the registry no longer takes. */
  async #forget(sent: string | undefined): Promise<void> {
    for (const [key, pending] of sent === undefined ? [] : this.#tokens) {
      const token = await pending.catch(() => undefined);
      if (token?.header === sent && this.#tokens.get(key) === pending) {
        this.#tokens.delete(key);
      }
    }
  }

  async #fetchToken(
    method: Method & { kind: 'bearer' },
    scopes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Token> {
    const credential = await this.#lookUp(signal);
    if (credential?.kind === 'registry-token') {
      return { header: `Bearer ${credential.token}`, scopes, expires: Number.POSITIVE_INFINITY };
    }
    if (
      credential !== undefined &&
      method.realm.protocol === 'http:' &&
      !this.#mayCrossInTheClear(method.realm)
    ) {
      throw this.#tooOpen(method.realm);
    }
    const doing = `signing in to ${this.#options.host}`;
    const request = tokenRequest(method, scopes, credential, signal);
    const answer = await this.#options.call(request, doing);
    if (answer.status < 200 || answer.status > 299) {
      const error = answerError(
        { method: request.method, url: request.url, doing },
        {
          status: answer.status,
          header: answer.header,
          text: answer.bytes.toString(),
        },
      );
      const refused = answer.status >= 400 && answer.status < 404;
      throw refused ? this.#refused(error.message, error) : error;
    }
    return readToken(answer.bytes, scopes, () =>
      this.#refused(`${doing}: ${redactUrl(method.realm)} gave no token in its answer`),
    );
  }

  #lookUp(signal: AbortSignal | undefined): Promise<Credential | undefined> {
    const { credentials, host } = this.#options;
    const pending =
      this.#credential ?? credentials?.credentialFor(host, { signal }) ?? Promise.resolve(undefined);
    this.#credential = pending;
    pending.catch(() => {
      if (this.#credential === pending) {
        this.#credential = undefined;
      }
    });
    return pending;
  }

  #mayCrossInTheClear(url: URL): boolean {
    return this.#options.insecure || isLoopbackHost(url.hostname);
  }

  #tooOpen(url: URL): RegistryError {
    return new RegistryError(
      `signing in to ${this.#options.host}: ${redactUrl(url)} would take the password over plain http`,
      {
        code: 'REGISTRY_UNAUTHORIZED',
        hint: `mark ${this.#options.host} as insecure if its network is your own`,
      },
    );
  }

  #refused(message: string, answer?: RegistryError): RegistryError {
    return new RegistryError(message, {
      code: 'REGISTRY_UNAUTHORIZED',
      hint: `check the user and password or token of ${this.#options.host}: docker login ${this.#options.host}`,
      status: answer?.status,
      registryCode: answer?.registryCode,
      requestId: answer?.requestId,
    });
  }
}

function basicHeader(credential: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}

/** distribution "Token Authentication Specification", and "OAuth 2" for refresh tokens. */
function tokenRequest(
  method: { readonly realm: URL; readonly service: string | undefined },
  scopes: readonly string[],
  credential: Credential | undefined,
  signal: AbortSignal | undefined,
): CallRequest & { readonly method: string } {
  if (credential?.kind === 'identity-token') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'mabuild',
      refresh_token: credential.token,
      ...(method.service !== undefined && { service: method.service }),
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    });
    return {
      method: 'POST',
      url: method.realm,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      signal,
    };
  }
  const url = new URL(method.realm);
  if (method.service !== undefined && method.service !== '') {
    url.searchParams.set('service', method.service);
  }
  for (const scope of scopes) {
    url.searchParams.append('scope', scope);
  }
  return {
    method: 'GET',
    url,
    headers: credential?.kind === 'basic' ? { authorization: basicHeader(credential) } : {},
    signal,
  };
}

/** Seconds that a token lives when its server does not say: distribution "Token Authentication Specification". */
const defaultLife = 60;

function readToken(bytes: Buffer, scopes: readonly string[], missing: () => RegistryError): Token {
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString());
  } catch {
    throw missing();
  }
  const { token, access_token, expires_in } = (body ?? {}) as Record<string, unknown>;
  const text = typeof token === 'string' && token !== '' ? token : access_token;
  // A token is a word of visible characters; anything else would not be a header.
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
    throw missing();
  }
  const life = (typeof expires_in === 'number' && expires_in > 0 ? expires_in : defaultLife) * 1000;
  return { header: `Bearer ${text}`, scopes, expires: Date.now() + life - Math.min(10_000, life / 2) };
}
