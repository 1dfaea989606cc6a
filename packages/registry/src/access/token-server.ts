import type { Credential } from '@mabuild/oci';
import { isLoopbackHost, isPrivateHost } from '../http/host-name.ts';
import type { CallRequest } from '../http/transport.ts';
import type { Challenge } from './challenge.ts';
import { tokenServerRefused } from './sign-in-error.ts';

/** Where a registry sends its callers for tokens: distribution "Token Authentication Specification". */
export interface TokenServer {
  readonly realm: URL;
  readonly service: string | undefined;
}

/** What a token server gave. */
export interface Token {
  /** The Authorization header that it makes. */
  readonly header: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
  /** Takes the place of the refresh token that was used: RFC 6749, 6. */
  readonly refreshToken?: string | undefined;
}

/**
 * The token server that a challenge names; one on a private address must be where the registry is.
 * @throws RegistryError `REGISTRY_UNAUTHORIZED`.
 */
export function tokenServerOf(challenge: Challenge, origin: URL, host: string): TokenServer {
  let realm: URL;
  try {
    realm = new URL(challenge.params.realm ?? '', origin);
  } catch {
    throw tokenServerRefused(`${host} names a token server that is not a URL`);
  }
  const samePlace =
    realm.hostname === origin.hostname || (isLoopbackHost(realm.hostname) && isLoopbackHost(origin.hostname));
  const web = realm.protocol === 'https:' || realm.protocol === 'http:';
  if (!web || (isPrivateHost(realm.hostname) && !samePlace)) {
    const address = `${realm.protocol}//${realm.host}`;
    throw tokenServerRefused(
      `${host} sends its callers to the token server ${address}, a private address that is not its own`,
    );
  }
  return { realm, service: challenge.params.service };
}

/** A GET with the password, or a POST with a refresh token: "Token Authentication Specification", "OAuth 2". */
export function tokenRequest(
  server: TokenServer,
  scopes: readonly string[],
  credential: Credential | undefined,
  signal: AbortSignal | undefined,
): CallRequest & { readonly method: string } {
  if (credential?.kind === 'identity-token') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'mabuild',
      refresh_token: credential.token,
      ...(server.service !== undefined && { service: server.service }),
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    });
    return {
      method: 'POST',
      url: server.realm,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      signal,
    };
  }
  const url = new URL(server.realm);
  if (server.service !== undefined && server.service !== '') {
    url.searchParams.set('service', server.service);
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

export function basicHeader(credential: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}

/** Seconds that a token lives when its server does not say: distribution "Token Authentication Specification". */
const defaultLife = 60;
/** Bytes; tokens travel in headers, which servers cut long before. */
const longestAnswer = 1024 * 1024;

/** @returns `undefined` when the answer holds no token. */
export function readToken(bytes: Buffer): Token | undefined {
  let body: unknown;
  try {
    body = bytes.length > longestAnswer ? undefined : JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  const { token, access_token, expires_in, refresh_token } = (body ?? {}) as Record<string, unknown>;
  const text = typeof token === 'string' && token !== '' ? token : access_token;
  // A token is a word of visible characters; anything else would not be a header.
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
    return undefined;
  }
  const life = (typeof expires_in === 'number' && expires_in > 0 ? expires_in : defaultLife) * 1000;
  return {
    header: `Bearer ${text}`,
    expires: Date.now() + life - Math.min(10_000, life / 2),
    refreshToken: typeof refresh_token === 'string' && refresh_token !== '' ? refresh_token : undefined,
  };
}
