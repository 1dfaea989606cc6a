import { RegistryError } from '../error.ts';
import { ConnectionFault } from '../http/connection-fault.ts';

/**
 * What a failed attempt to send a body says about the way it was sent.
 *
 * - `too-large`: fewer bytes at a time may go through
 * - `unsupported`: the registry wants its bytes another way
 * - `lost`: the registry does not know the upload any more
 * - `cut`: the connection, or a proxy on it, gave up
 */
export type UploadRefusal = 'too-large' | 'unsupported' | 'lost' | 'cut';

/** Reads a failure; `undefined`: sending the bytes in another way would not help. */
export function refusalOf(error: unknown): UploadRefusal | undefined {
  if (error instanceof ConnectionFault) {
    return 'cut';
  }
  if (!(error instanceof RegistryError)) {
    return undefined;
  }
  switch (error.status) {
    case 408:
    case 502:
    case 504:
      return 'cut';
    case 413:
      return 'too-large';
    // GHCR calls a chunk of more than 4 MiB unsatisfiable.
    case 400:
    case 416:
      return isAboutSize(error) ? 'too-large' : isLost(error) ? 'lost' : undefined;
    case 404:
      return isLost(error) ? 'lost' : 'unsupported';
    case 405:
    case 411:
    case 415:
    case 501:
      return 'unsupported';
    default:
      return undefined;
  }
}

function isAboutSize(error: RegistryError): boolean {
  const said = error.message.slice(error.message.lastIndexOf(' answered '));
  return /too large|exceeds/i.test(said);
}

function isLost({ status, registryCode }: RegistryError): boolean {
  return status === 416 || registryCode === 'BLOB_UPLOAD_UNKNOWN' || registryCode === 'BLOB_UPLOAD_INVALID';
}
