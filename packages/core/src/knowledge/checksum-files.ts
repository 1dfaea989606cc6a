/** A hash that publishers give for their files. */
export type ChecksumAlgorithm = 'sha256' | 'sha512' | 'sha1' | 'md5';

export interface ChecksumQuery {
  /** The file's own name, without a folder. */
  readonly file: string;
  readonly algorithm: ChecksumAlgorithm;
  /** `sums`: a list of files, which must name this one; `single`: a document about this file, which may hold the hash alone. */
  readonly format: 'sums' | 'single';
}

const digits: Readonly<Record<ChecksumAlgorithm, number>> = { sha256: 64, sha512: 128, sha1: 40, md5: 32 };

/**
 * The hash that a publisher's checksum document gives for a file, in lower-case hex.
 *
 * Reads the lines of GNU coreutils (`hash  name`, `hash *name`), of BSD and OpenSSL (`SHA256 (name) = hash`), a hash
 * alone, all of them inside a clear-signed message too, and the JSON of go.dev/dl.
 * @returns `undefined` when the document does not name the file, names it with several hashes, or is something else
 */
export function findChecksum(document: string, query: ChecksumQuery): string | undefined {
  const text = document.replace(/^\uFEFF/, '');
  const listed = text.trimStart().startsWith('[') ? readGoJson(text, query) : readLines(text, query);
  const hashes = new Set(listed.filter(({ name }) => name === query.file).map(({ hash }) => hash));
  if (hashes.size > 0) return hashes.size === 1 ? [...hashes][0] : undefined;
  const [only, ...more] = listed;
  const alone = query.format === 'single' && only?.name === undefined && more.length === 0;
  return alone ? only?.hash : undefined;
}

interface Listed {
  readonly hash: string;
  /** `undefined`: the hash stands alone. */
  readonly name: string | undefined;
}

function readLines(text: string, query: ChecksumQuery): Listed[] {
  const listed: Listed[] = [];
  for (const line of signedPart(text).split(/\r?\n/)) {
    const found = readLine(line, query);
    if (found) listed.push(found);
  }
  return listed;
}

/** A clear-signed message without its head and its signature. */
function signedPart(text: string): string {
  if (!text.startsWith('-----BEGIN PGP SIGNED MESSAGE-----')) return text;
  const end = text.indexOf('-----BEGIN PGP SIGNATURE-----');
  return end < 0 ? '' : text.slice(0, end);
}

function readLine(line: string, { algorithm }: ChecksumQuery): Listed | undefined {
  const gnu = /^\\?([0-9A-Fa-f]{32,128})(?:[ \t]+\*?(\S.*))?$/.exec(line.trim());
  if (gnu) return listed(gnu[1], gnu[2], algorithm);
  const bsd = /^([A-Za-z0-9-]{3,10}) ?\(([^()]+)\) ?= ?([0-9A-Fa-f]{32,128})$/.exec(line.trim());
  if (bsd?.[1]?.toLowerCase().replace('-', '') !== algorithm) return undefined;
  return listed(bsd[3], bsd[2], algorithm);
}

function listed(
  hash: string | undefined,
  name: string | undefined,
  algorithm: ChecksumAlgorithm,
): Listed | undefined {
  if (hash?.length !== digits[algorithm]) return undefined;
  return { hash: hash.toLowerCase(), name: name?.trimEnd().replace(/^.*[/\\]/, '') };
}

/** `[{files: [{filename, sha256}]}]`. */
function readGoJson(text: string, { algorithm }: ChecksumQuery): Listed[] {
  let releases: unknown;
  try {
    releases = JSON.parse(text);
  } catch {
    return [];
  }
  return asArray(releases)
    .flatMap((release) => asArray(property(release, 'files')))
    .flatMap((file) => {
      const [name, hash] = [property(file, 'filename'), property(file, algorithm)];
      if (typeof name !== 'string' || typeof hash !== 'string' || !/^[0-9A-Fa-f]+$/.test(hash)) return [];
      return listed(hash, name, algorithm) ?? [];
    });
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function property(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
