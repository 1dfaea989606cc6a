import type { CallOptions } from './image-source.ts';

/** A name and a secret, or a token, for one registry host. Never logged, never put in an error. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token (`identitytoken` in Docker's config.json). */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** A bearer token sent as it is (`registrytoken` in Docker's config.json). */
  | { readonly kind: 'registry-token'; readonly token: string };

export interface CredentialOptions extends CallOptions {
  /** The repository that is asked for, `team/app`: some credentials count for a part of a registry only. */
  readonly repository?: string | undefined;
}

/** Where credentials come from; the registry package and BuildKit's session both ask. */
export interface CredentialSource {
  /** @param host registry host as a reference spells it (`docker.io`, `localhost:5000`). `undefined`: anonymous. */
  credentialFor(host: string, options?: CredentialOptions): Promise<Credential | undefined>;
}
