import { createHash, type Hash } from 'node:crypto';
import { Transform } from 'node:stream';
import { MabuildError } from './error.ts';

/** Of a descriptor, as far as bytes are held against it. */
interface ExpectedContent {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** The algorithms that content can be checked with: OCI image-spec, "Registered Algorithms". */
export type DigestAlgorithm = 'sha256' | 'sha384' | 'sha512';

/** `algorithm:encoded`, taken apart. */
export interface ParsedDigest {
  readonly algorithm: string;
  readonly encoded: string;
}

const hexLength: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha384: 96, sha512: 128 };
const grammar = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)$/;

/** The digest of bytes (or of a text's UTF-8 bytes). @param algorithm default `sha256`. */
export function digestOf(content: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`;
}

/**
 * Takes a digest apart: OCI image-spec, "Digests". Algorithms that nobody registered are allowed, as the spec has it;
 * {@link isVerifiableDigest} tells whether content can be checked.
 * @throws MabuildError `INVALID_DIGEST`.
 */
export function parseDigest(text: string): ParsedDigest {
  const [, algorithm, encoded] = (text.length <= 1024 ? grammar.exec(text) : null) ?? [];
  if (algorithm === undefined || encoded === undefined) {
    throw invalidDigest(
      text,
      'a digest is written algorithm:hex, e.g. sha256: and 64 lower-case hexadecimal digits',
    );
  }
  if (isRegistered(algorithm) && (encoded.length !== hexLength[algorithm] || !/^[0-9a-f]+$/.test(encoded))) {
    throw invalidDigest(text, `${algorithm} takes ${hexLength[algorithm]} lower-case hexadecimal digits`);
  }
  return { algorithm, encoded };
}

/** Tells whether a text is a digest by the spec's grammar. */
export function isDigest(text: string): boolean {
  try {
    parseDigest(text);
    return true;
  } catch {
    return false;
  }
}

/** Tells whether a text is a digest that content can be checked against (sha256, sha384, sha512). */
export function isVerifiableDigest(text: string): boolean {
  return isDigest(text) && isRegistered(text.slice(0, text.indexOf(':')));
}

/** A stream that lets bytes through and knows their digest after the end. */
export interface DigestStream {
  /** Write the bytes to it and read them from it. */
  readonly stream: Transform;
  /** The digest of the bytes so far. */
  digest(): string;
  /** The bytes so far. */
  size(): number;
}

/** Makes a stream that computes the digest of what passes through. @param algorithm default `sha256`. */
export function digestStream(algorithm: DigestAlgorithm = 'sha256'): DigestStream {
  const hash = createHash(algorithm);
  let size = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      hash.update(chunk);
      done(null, chunk);
    },
  });
  return {
    stream,
    digest: () => `${algorithm}:${hash.copy().digest('hex')}`,
    size: () => size,
  };
}

/**
 * Makes a stream that lets a descriptor's content through and fails unless it is exactly that.
 *
 * Fails with `SIZE_MISMATCH` as soon as there are more bytes than the descriptor says, or at the end when there are
 * fewer, and with `DIGEST_MISMATCH` at the end.
 * @param what how errors name the content, e.g. `blob sha256:… of registry.example/app`. Default: the digest.
 * @throws MabuildError `UNSUPPORTED_DIGEST` when the digest's algorithm cannot be computed here.
 */
export function verifyingStream(descriptor: ExpectedContent, what: string = descriptor.digest): Transform {
  const hash = hashFor(descriptor.digest);
  const { algorithm, encoded } = parseDigest(descriptor.digest);
  let size = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > descriptor.size) {
        done(sizeMismatch(what, descriptor.size, 'more'));
        return;
      }
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      if (size < descriptor.size) {
        done(sizeMismatch(what, descriptor.size, `only ${size}`));
        return;
      }
      const found = hash.digest('hex');
      done(found === encoded ? null : digestMismatch(what, descriptor.digest, `${algorithm}:${found}`));
    },
  });
  // Small content may turn out wrong before its reader has come: the reader still meets the error, nobody else shall.
  stream.on('error', () => undefined);
  return stream;
}

/**
 * Checks bytes in memory against a descriptor.
 * @throws MabuildError `SIZE_MISMATCH`, `DIGEST_MISMATCH` or `UNSUPPORTED_DIGEST`.
 */
export function verifyBytes(
  bytes: Uint8Array,
  descriptor: ExpectedContent,
  what: string = descriptor.digest,
): void {
  const hash = hashFor(descriptor.digest);
  if (bytes.length !== descriptor.size) {
    throw sizeMismatch(what, descriptor.size, `${bytes.length}`);
  }
  const { algorithm, encoded } = parseDigest(descriptor.digest);
  const found = hash.update(bytes).digest('hex');
  if (found !== encoded) {
    throw digestMismatch(what, descriptor.digest, `${algorithm}:${found}`);
  }
}

function hashFor(digest: string): Hash {
  const { algorithm } = parseDigest(digest);
  if (!isRegistered(algorithm)) {
    throw new MabuildError(
      `the content of ${digest} cannot be checked: ${algorithm} is no known digest algorithm`,
      {
        code: 'UNSUPPORTED_DIGEST',
        hint: 'use sha256 or sha512',
      },
    );
  }
  return createHash(algorithm);
}

function isRegistered(algorithm: string): algorithm is DigestAlgorithm {
  return Object.hasOwn(hexLength, algorithm);
}

function invalidDigest(text: string, hint: string): MabuildError {
  const shown = JSON.stringify(text.length > 160 ? `${text.slice(0, 160)}…` : text);
  return new MabuildError(`${shown} is no digest`, { code: 'INVALID_DIGEST', hint });
}

function sizeMismatch(what: string, expected: number, found: string): MabuildError {
  return new MabuildError(`reading ${what}: expected ${expected} bytes, got ${found}`, {
    code: 'SIZE_MISMATCH',
    hint: 'the content was cut short or replaced on the way; try again, or push the image again',
  });
}

function digestMismatch(what: string, expected: string, found: string): MabuildError {
  return new MabuildError(`reading ${what}: expected ${expected}, got ${found}`, {
    code: 'DIGEST_MISMATCH',
    hint: 'the content was damaged or replaced; try again, or push the image again',
  });
}
