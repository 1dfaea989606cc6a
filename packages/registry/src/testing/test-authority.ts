import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Answer, answer, failure, readBody } from './answer.ts';
import type { Route } from './phase.ts';

/** How callers of a test registry must sign in. */
export interface TestAuth {
  /** `basic` as of an htpasswd file, or `token` from a token server, which the registry is itself at `/token`. */
  readonly kind: 'basic' | 'token';
  readonly username: string;
  readonly password: string;
  /** An OAuth2 refresh token that is as good as the password. */
  readonly identityToken?: string | undefined;
  /** Whether tokens to pull are given to everybody. @default false */
  readonly anonymousPull?: boolean | undefined;
  /** Whether tokens are JWTs that say what they are for, as Docker Hub's do. @default false */
  readonly readableTokens?: boolean | undefined;
  /** Seconds that a token is said to live. @default 300 */
  readonly expiresIn?: number | undefined;
  /** The WWW-Authenticate header to send instead of the usual one. */
  readonly challenge?: string | undefined;
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

  /** @returns the token or the refusal; `undefined` when the request may go on. */
  async answer(request: IncomingMessage, url: URL, route: Route): Promise<Answer | undefined> {
    if (route.phase === 'token') {
      return this.#token(
        request.headers.authorization,
        url.searchParams,
        (await readBody(request)).toString(),
      );
    }
    const sent = request.headers.authorization ?? '';
    if (this.#auth.kind === 'basic') {
      return sent === this.#basic() ? undefined : this.#refusal(`Basic realm="test"`);
    }
    const needed = neededScopes(route, url.searchParams);
    const granted = this.#granted.get(sent.replace(/^Bearer /, ''));
    if (granted !== undefined && needed.every((scope) => granted.includes(scope))) {
      return undefined;
    }
    const scope = needed.length === 0 ? '' : `,scope="${needed.join(' ')}"`;
    return this.#refusal(`Bearer realm="${this.#realm}",service="test"${scope}`);
  }

  #token(authorization: string | undefined, query: URLSearchParams, body: string): Answer {
    const form = new URLSearchParams(body);
    const asked = [...query.getAll('scope'), ...form.getAll('scope')]
      .flatMap((scope) => scope.split(' '))
      .flatMap(singleActions);
    const anonymous = authorization === undefined && body === '' && this.#auth.anonymousPull === true;
    if (!anonymous && !this.#knows(authorization, form)) {
      return failure(401, 'UNAUTHORIZED', 'authentication required');
    }
    const granted = anonymous ? asked.filter((scope) => scope.endsWith(':pull')) : asked;
    const token = this.#auth.readableTokens === true ? readableToken(granted) : randomUUID();
    this.#granted.set(token, granted);
    return answer(
      200,
      { 'content-type': 'application/json' },
      JSON.stringify({ token, expires_in: this.#auth.expiresIn ?? 300 }),
    );
  }

  /** Basic, or OAuth2 (RFC 6749) with a refresh token or a password. */
  #knows(authorization: string | undefined, form: URLSearchParams): boolean {
    const { username, password, identityToken } = this.#auth;
    switch (form.get('grant_type')) {
      case 'refresh_token':
        return identityToken !== undefined && form.get('refresh_token') === identityToken;
      case 'password':
        return form.get('username') === username && form.get('password') === password;
      default:
        return authorization === this.#basic();
    }
  }

  #basic(): string {
    const { username, password } = this.#auth;
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  #refusal(challenge: string): Answer {
    const refusal = failure(401, 'UNAUTHORIZED', 'authentication required');
    return {
      ...refusal,
      headers: { ...refusal.headers, 'www-authenticate': this.#auth.challenge ?? challenge },
    };
  }
}

/** A JWT that nobody signed: distribution "Token Authentication Implementation". */
function readableToken(scopes: readonly string[]): string {
  const access = scopes.map((scope) => {
    const [, type, name, action] = /^([^:]+):(.*):([^:]*)$/.exec(scope) ?? [];
    return {
      type,
      name,
      actions: scopes.filter((one) => one.startsWith(`${type}:${name}:`)).map(lastPart),
      action,
    };
  });
  const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ jti: randomUUID(), access })}.`;
}

function lastPart(scope: string): string {
  return scope.slice(scope.lastIndexOf(':') + 1);
}

function singleActions(scope: string): readonly string[] {
  const at = scope.lastIndexOf(':');
  return scope
    .slice(at + 1)
    .split(',')
    .map((action) => `${scope.slice(0, at)}:${action}`);
}

/** distribution "Token Scope Documentation", one action each. */
function neededScopes({ phase, repository }: Route, query: URLSearchParams): readonly string[] {
  if (phase === 'catalog') {
    return ['registry:catalog:*'];
  }
  if (repository === '') {
    return [];
  }
  if (phase.endsWith('-delete')) {
    return [`repository:${repository}:delete`];
  }
  const reads = /-(head|get)$|^tag-list$|^referrers$/.test(phase);
  const from = query.get('from');
  return [
    `repository:${repository}:pull`,
    ...(reads ? [] : [`repository:${repository}:push`]),
    ...(from === null ? [] : [`repository:${from}:pull`]),
  ];
}
