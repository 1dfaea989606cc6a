import { MabuildError } from '@mabuild/oci';
import { asFault, ConnectionFault } from './connection-fault.ts';

/** distribution-spec asks registries for manifests of up to 4 MiB; lists of names and referrers come in pages below it. */
const longestDocument = 4 * 1024 * 1024;
/** Tokens are a few KiB; with hundreds of scopes some tens. */
export const longestToken: number = 256 * 1024;
/** Of an error no more is shown than a line. */
const longestError = 64 * 1024;

/**
 * Reads a whole answer; the beginning alone of one that is an error.
 * @param asked in words with method and address, for errors.
 * @throws MabuildError `DOCUMENT_TOO_LARGE` when an answer goes on after `longest` bytes.
 */
export async function readAnswer(
  answer: { readonly status: number; readonly body: AsyncIterable<Uint8Array> | null },
  asked: string,
  longest: number = longestDocument,
): Promise<Buffer> {
  const isError = answer.status >= 300;
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early ends the body and its connection.
  for await (const chunk of answer.body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (isError && size > longestError) {
      break;
    }
    if (!isError && size > longest) {
      throw new MabuildError(`${asked} answers with more than ${longest / 1024} KiB`, {
        code: 'DOCUMENT_TOO_LARGE',
        hint: 'check the address; this is no answer of a registry',
      });
    }
  }
  return Buffer.concat(chunks, size);
}

/** Reads the beginning of an error's body; what is longer is cut off with its connection. */
export async function readBeginning(body: AsyncIterable<Uint8Array>): Promise<string> {
  try {
    return (await readAnswer({ status: 500, body }, '')).toString();
  } catch (error) {
    if (asFault(error) instanceof ConnectionFault) {
      return '';
    }
    throw error;
  }
}
