import { MabuildError } from '@mabuild/oci';

const letters = 'kmgtp';

/**
 * Reads a size: bytes, `512MB` or `10gb` with units of 1000, `1.5GiB` with units of 1024.
 * @param what what has that size, for the message
 * @throws MabuildError `USAGE`
 */
export function parseSize(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(i?)b?$/i.exec(text.trim());
  const size =
    match &&
    Number(match[1]) * (match[3] ? 1024 : 1000) ** (letters.indexOf((match[2] || ' ').toLowerCase()) + 1);
  if (size !== null && Number.isSafeInteger(Math.floor(size))) return Math.floor(size);
  throw new MabuildError(`${what} ${JSON.stringify(text)} is no size`, {
    code: 'USAGE',
    hint: 'write bytes, or a number with a unit: 512MB, 10GB',
  });
}
