import { RegistryError, redactUrl } from '../error.ts';

/** A registry sends its callers where no password goes. */
export function tokenServerRefused(message: string): RegistryError {
  return new RegistryError(message, {
    code: 'REGISTRY_UNAUTHORIZED',
    hint: 'give its token server a public address in the settings of the registry; tell who runs it',
  });
}

/** Signing in failed for good: what is told never holds the credential. */
export function signInRefused(host: string, message: string, answer?: RegistryError): RegistryError {
  return new RegistryError(message, {
    code: 'REGISTRY_UNAUTHORIZED',
    hint: `check the user and password or token of ${host}, then sign in again with "mabuild login ${host}"`,
    status: answer?.status,
    registryCode: answer?.registryCode,
    requestId: answer?.requestId,
  });
}

/** A password would cross a network that is not this machine's own, for everybody to read. */
export function wouldCrossInTheClear(host: string, url: URL): RegistryError {
  return new RegistryError(
    `signing in to ${host}: ${redactUrl(url)} would take the password over plain http`,
    {
      code: 'REGISTRY_UNAUTHORIZED',
      hint: `mark ${host} as insecure if its network is your own`,
    },
  );
}
