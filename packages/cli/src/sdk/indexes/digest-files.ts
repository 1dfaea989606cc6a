import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import {
  type CallOptions,
  formatReference,
  isMabuildError,
  isVerifiableDigest,
  MabuildError,
  parseReference,
} from '@mabuild/oci';

/** An image that a runner pushed by digest, as it noted it in a file. */
export interface NotedImage {
  /** `NAME@sha256:…` */
  readonly reference: string;
  readonly digest: string;
  /** The file, below the folder. */
  readonly file: string;
}

export interface ReadDigestsOptions extends CallOptions {
  /** Where digests without a name were pushed to, e.g. `ghcr.io/me/app`. @default none: they are refused */
  readonly repository?: string | undefined;
}

/** The longest file that is read for a digest, bytes. */
const longestFile = 4 * 1024 * 1024;

/**
 * Reads what runners left in a folder, and in the folders therein, each image once:
 *
 * - JSON of `mabuild build --metadata-file`, of `docker buildx build --metadata-file` and `docker buildx bake`;
 * - files with a digest or `NAME@DIGEST` in them, as of `--iidfile`;
 * - empty files that are named by a digest, with `sha256:` or `sha256-` before it or without.
 * @throws MabuildError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `DIGEST_FILE_INVALID` with the name of the file
 */
export async function readDigestFiles(
  directory: string,
  options: ReadDigestsOptions,
): Promise<readonly NotedImage[]> {
  const files = await listFiles(directory);
  const images = new Map<string, NotedImage>();
  for (const file of files) {
    options.signal?.throwIfAborted();
    const text = await readText(join(directory, file), file);
    for (const noted of notesOf(text, file)) {
      const reference = referenceOf(noted, file, options.repository);
      if (!images.has(reference)) images.set(reference, { reference, digest: noted.digest, file });
    }
  }
  if (images.size > 0) return [...images.values()];
  throw new MabuildError(`${directory} holds no digest of an image`, {
    code: 'FILE_NOT_FOUND',
    hint: 'put there what `mabuild build --push --push-by-digest --metadata-file FILE` of every runner wrote',
  });
}

/** Paths of the files, in an order that does not depend on the file system; hidden ones are left out. */
async function listFiles(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true, recursive: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
      .filter((path) => !/(^|[/\\])\./.test(path))
      .sort();
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new MabuildError(
      `reading ${directory}: ${absent ? 'there is no such folder' : (cause as Error).message}`,
      {
        code: absent ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE',
        hint: 'name the folder with the digests',
        cause,
      },
    );
  }
}

async function readText(path: string, file: string): Promise<string> {
  try {
    const bytes = await readFile(path);
    if (bytes.length > longestFile) throw new Error(`it has ${bytes.length} bytes`);
    return bytes.toString();
  } catch (cause) {
    throw new MabuildError(`reading ${file}: ${(cause as Error).message}`, {
      code: 'FILE_UNREADABLE',
      hint: 'the folder shall hold nothing but what the runners noted',
      cause,
    });
  }
}

interface Note {
  readonly digest: string;
  /** Where it was pushed to, as it was noted: a list of names, with or without tags. */
  readonly names?: string;
}

function notesOf(text: string, file: string): readonly Note[] {
  const content = text.trim();
  if (content === '') return [{ digest: digestInName(file) }];
  if (content.startsWith('{')) return notesInJson(content, file);
  const [, name, digest = ''] = /^(?:(\S+)@)?(\S+)$/.exec(content) ?? [];
  if (isVerifiableDigest(digest)) return [{ digest, ...(name !== undefined && { names: name }) }];
  throw invalid(file, 'it is neither JSON nor a digest');
}

function digestInName(file: string): string {
  const name = file.replace(/^.*[/\\]/, '');
  const [, algorithm = 'sha256', encoded = ''] = /^(?:(sha256|sha512)[:_-])?([0-9a-f]+)$/.exec(name) ?? [];
  const digest = `${encoded.length === 128 ? 'sha512' : algorithm}:${encoded}`;
  if (isVerifiableDigest(digest)) return digest;
  throw invalid(file, 'it is empty, and its name is no digest');
}

function notesInJson(text: string, file: string): readonly Note[] {
  let document: Record<string, unknown>;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, `it is no JSON (${(cause as Error).message})`, cause);
  }
  // Of several targets bake writes one document each, under their names.
  const documents = hasDigest(document) ? [document] : Object.values(document).filter(hasDigest);
  if (documents.length === 0) throw invalid(file, 'it has no containerimage.digest');
  return documents.map((one) => {
    const digest = one['containerimage.digest'] ?? one.digest;
    if (typeof digest !== 'string' || !isVerifiableDigest(digest)) {
      throw invalid(file, `${JSON.stringify(digest)} is no digest`);
    }
    const names = one['image.name'];
    return { digest, ...(typeof names === 'string' && names.trim() !== '' && { names }) };
  });
}

function hasDigest(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return 'containerimage.digest' in value || ('version' in value && 'digest' in value);
}

/** Every name of a build holds the same content: the first is asked. */
function referenceOf({ digest, names }: Note, file: string, repository: string | undefined): string {
  const name = (names ?? repository)?.split(',')[0]?.trim();
  if (name === undefined) throw invalid(file, 'it does not say where the digest was pushed to (--from)');
  try {
    const { registry, repository: path } = parseReference(name);
    return formatReference({ registry, repository: path, digest });
  } catch (error) {
    if (!isMabuildError(error)) throw error;
    throw invalid(file, error.message, error);
  }
}

function invalid(file: string, why: string, cause?: unknown): MabuildError {
  return new MabuildError(`reading ${file}: ${why}`, {
    code: 'DIGEST_FILE_INVALID',
    hint: 'put there --metadata-file of a build that pushed by digest, or an empty file named by the digest',
    cause,
  });
}
