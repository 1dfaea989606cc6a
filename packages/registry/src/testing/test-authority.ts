import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** How callers of a test registry must sign in. */
export interface TestAuth {
  readonly kind: 'basic' | 'token';
  readonly username: string;
  readonly password: string;
  /** An OAuth2 refresh token that is as good as the password. */
  readonly identityToken?: string | undefined;
  /** Seconds that a token is said to live. @default 300 */
  readonly expiresIn?: number | undefined;
  /** The WWW-Authenticate header to send instead of the usual one. */
  readonly challenge?: string | undefined;
}

export interface AuthAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Who may do what at a test registry: distribution "Token Authentication Specification", without signatures. */
export class TestAuthority {
  readonly #auth: TestAuth;
  readonly #granted = new Map<string, readonly string[]>();
  #realm = '';

  constructor(auth: TestAuth) {
    this.#auth = auth;
  }

  servedAt(realm: string): void {
    this.#realm = realm;
  }

  expire(): void {
    this.#granted.clear();
  }

  /** @returns the refusal; `undefined` when the request may go on. */
  check(request: IncomingMessage, url: string): AuthAnswer | undefined {
    const { pathname, searchParams } = new URL(url, 'http://registry');
    if (pathname === '/token') {
      return undefined;
    }
    const sent = request.headers.authorization ?? '';
    if (this.#auth.kind === 'basic') {
      return sent === this.#basic() ? undefined : this.#refusal(`Basic realm="test"`);
    }
    const needed = neededScopes(request.method ?? 'GET', pathname, searchParams);
    const granted = this.#granted.get(sent.replace(/^Bearer /, '')) ?? [];
    if (needed.every((scope) => granted.includes(scope))) {
      return undefined;
    }
    const scope = needed.join(' ');
    return this.#refusal(`Bearer realm="${this.#realm}",service="test",scope="${scope}"`);
  }

  token(authorization: string | undefined, query: URLSearchParams, body: string): AuthAnswer {
    const form = new URLSearchParams(body);
    const { identityToken } = this.#auth;
    const refreshed = identityToken !== undefined && form.get('refresh_token') === identityToken;
    if (authorization !== this.#basic() && !refreshed) {
      return { status: 401, headers: {}, body: JSON.stringify({ errors: [{ code: 'UNAUTHORIZED' }] }) };
    }
    const scopes = [...query.getAll('scope'), ...form.getAll('scope')].flatMap((scope) => scope.split(' '));
    const token = randomUUID();
    this.#granted.set(token, scopes.flatMap(singleActions));
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token, expires_in: this.#auth.expiresIn ?? 300 }),
    };
  }

  #basic(): string {
    const { username, password } = this.#auth;
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  #refusal(challenge: string): AuthAnswer {
    return {
      status: 401,
      headers: { 'www-authenticate': this.#auth.challenge ?? challenge, 'content-type': 'application/json' },
      body: JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }),
    };
  }
}

function singleActions(scope: string): readonly string[] {
  const at = scope.lastIndexOf(':');
  return scope
    .slice(at + 1)
    .split(',')
    .map((action) => `${scope.slice(0, at)}:${action}`);
}

function neededScopes(method: string, path: string, query: URLSearchParams): readonly string[] {
  const repository = /^\/v2\/(.+?)\/(?:manifests|blobs)\//.exec(path)?.[1];
  if (repository === undefined) {
    return [];
  }
  const reads = method === 'GET' || method === 'HEAD';
  const from = query.get('from');
  return [
    `repository:${repository}:pull`,
    ...(reads ? [] : [`repository:${repository}:push`]),
    ...(from === null ? [] : [`repository:${from}:pull`]),
  ];
}
