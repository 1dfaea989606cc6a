import { type Credential, type CredentialSource, credentialKeys } from '@mabuild/oci';

/** A user and a password, or a {@link Credential} of another kind. */
export type StaticCredential = Credential | { readonly username: string; readonly password: string };

/**
 * Credentials that are known beforehand.
 *
 * @param known by host (`ghcr.io`, `localhost:5000`), or by a part of it (`ghcr.io/team`), which counts for all
 *   repositories below; the longest key that fits wins
 */
export function staticCredentials(known: Readonly<Record<string, StaticCredential>>): CredentialSource {
  return {
    async credentialFor(host, { repository } = {}) {
      const key = credentialKeys(host, repository).find((name) => Object.hasOwn(known, name));
      const found = key === undefined ? undefined : known[key];
      return found === undefined || 'kind' in found ? found : { kind: 'basic', ...found };
    },
  };
}

/** Asks several sources, in this order, until one has a credential. */
export function firstCredential(sources: readonly CredentialSource[]): CredentialSource {
  return {
    async credentialFor(host, options) {
      for (const source of sources) {
        const found = await source.credentialFor(host, options);
        if (found !== undefined) {
          return found;
        }
      }
      return undefined;
    },
  };
}
