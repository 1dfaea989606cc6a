import type { Descriptor } from '../descriptor.ts';
import { isMabuildError } from '../error.ts';
import type { VerifyProblem } from './verdict.ts';

const missingCodes: ReadonlySet<string> = new Set([
  'BLOB_NOT_FOUND',
  'MANIFEST_NOT_FOUND',
  'IMAGE_NOT_FOUND',
]);
const damagedCodes: ReadonlySet<string> = new Set([
  'DIGEST_MISMATCH',
  'SIZE_MISMATCH',
  'UNSUPPORTED_DIGEST',
  'UNSUPPORTED_MANIFEST',
  'INVALID_MANIFEST',
  'INVALID_INDEX',
  'INVALID_CONFIG',
  'DOCUMENT_TOO_LARGE',
]);

/** Turns errors about the content itself into problems; what the world refuses (network, abort) is thrown on. */
export async function attempt<T extends object>(
  descriptor: Descriptor,
  read: () => Promise<T>,
): Promise<T | VerifyProblem> {
  try {
    return await read();
  } catch (error) {
    if (isMabuildError(error) && missingCodes.has(error.code)) {
      return {
        kind: 'missing-blob',
        layer: descriptor.digest,
        found: 'nothing',
        expected: descriptor.mediaType,
      };
    }
    if (isMabuildError(error) && damagedCodes.has(error.code)) {
      return { kind: 'unverified', layer: descriptor.digest, found: error.message };
    }
    throw error;
  }
}

/** Tells a problem from what was read. */
export function isProblem(value: object): value is VerifyProblem {
  return 'kind' in value && 'found' in value;
}
