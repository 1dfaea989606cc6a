import type { Credential } from '@mabuild/oci';

/** A credential as the Engine API spells it. */
export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
  readonly serveraddress?: string;
}

/** Spells a credential the way `X-Registry-Auth` and `X-Registry-Config` want it. */
export function toAuthConfig(credential: Credential): AuthConfig {
  switch (credential.kind) {
    case 'basic':
      return { username: credential.username, password: credential.password };
    case 'identity-token':
      return { identitytoken: credential.token };
    case 'registry-token':
      return { registrytoken: credential.token };
  }
}

/** The name under which engines look up a registry's credential. */
export function authConfigKey(host: string): string {
  return host === 'docker.io' ? 'https://index.docker.io/v1/' : host;
}

/**
 * Encodes the value of `X-Registry-Auth` or `X-Registry-Config`: base64url WITH its padding.
 *
 * Engines treat an unpadded value as no credential at all, without a word.
 */
export function encodeRegistryAuth(value: object): string {
  const text = Buffer.from(JSON.stringify(value)).toString('base64url');
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}
