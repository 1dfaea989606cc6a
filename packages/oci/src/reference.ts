import { isVerifiableDigest, parseDigest } from './digest.ts';
import { MabuildError } from './error.ts';

/** An image name, normalised as docker does: `registry/repository[:tag][@digest]`. */
export interface ImageReference {
  /** e.g. `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** e.g. `library/ubuntu`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const dockerHub = 'docker.io';
const dockerHubOfOld = 'index.docker.io';
const official = 'library/';
const longestRepository = 255;
const longestReference = 4096;

const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);
const hostComponent = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const registryPattern = new RegExp(
  `^(?:${hostComponent}(?:\\.${hostComponent})*|\\[([a-fA-F0-9:]+)\\])(?::[0-9]+)?$`,
);
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/**
 * Reads an image name; `docker.io`, `library/` and (without a digest) `latest` are filled in.
 *
 * The grammar is that of distribution/reference, which docker and containerd use.
 * @throws MabuildError `INVALID_REFERENCE`.
 */
export function parseReference(text: string): ImageReference {
  if (text === '' || text.length > longestReference) {
    throw invalidReference(
      text,
      text === '' ? 'it is empty' : `it is longer than ${longestReference} characters`,
    );
  }
  if (/^[a-f0-9]{64}$/.test(text)) {
    throw invalidReference(
      text,
      '64 hexadecimal digits are an image id',
      'put the repository and @sha256: before it',
    );
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[0];
  if (scheme !== undefined) {
    throw invalidReference(text, `it starts with ${scheme}`, `leave ${scheme} out`);
  }
  const [beforeDigest, digest] = cut(text, '@');
  const colon = beforeDigest.lastIndexOf(':');
  const tagged = colon > beforeDigest.lastIndexOf('/');
  const name = tagged ? beforeDigest.slice(0, colon) : beforeDigest;
  const tag = tagged ? beforeDigest.slice(colon + 1) : undefined;
  const [registry, repository] = splitName(name);

  checkRepository(text, repository);
  const registryMatch = registryPattern.exec(registry);
  if (registryMatch === null || (registryMatch[1] !== undefined && !isIPv6(registryMatch[1]))) {
    throw invalidReference(text, `${JSON.stringify(registry)} is no registry host`);
  }
  if (tag !== undefined) {
    checkTag(text, tag);
  }
  if (digest !== undefined) {
    checkDigest(text, digest);
  }
  const tagOrLatest = tag ?? (digest === undefined ? 'latest' : undefined);
  return {
    registry,
    repository,
    ...(tagOrLatest === undefined ? {} : { tag: tagOrLatest }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** Writes every part: `docker.io/library/ubuntu:22.04`. */
export function formatReference(reference: ImageReference): string {
  return referenceName(reference) + suffix(reference);
}

/** Writes it the way people do: `ubuntu:22.04`. What it writes, {@link parseReference} reads back. */
export function familiarReference(reference: ImageReference): string {
  const { registry, repository } = reference;
  if (registry !== dockerHub) {
    return formatReference(reference);
  }
  const short = repository.startsWith(official) ? repository.slice(official.length) : repository;
  const familiar = short.includes('/') ? repository : short;
  const [registryAgain, repositoryAgain] = splitName(familiar);
  const survives = registryAgain === registry && repositoryAgain === repository;
  return (survives ? familiar : referenceName(reference)) + suffix(reference);
}

/** Writes the name without tag and digest: `docker.io/library/ubuntu`. */
export function referenceName(reference: ImageReference): string {
  return `${reference.registry}/${reference.repository}`;
}

/** The same repository's `tag`, without a digest. @throws MabuildError `INVALID_REFERENCE`. */
export function withTag(reference: ImageReference, tag: string): ImageReference {
  checkTag(`${referenceName(reference)}:${tag}`, tag);
  return { registry: reference.registry, repository: reference.repository, tag };
}

/** The same repository's content `digest`; a tag stays, for people to read. @throws MabuildError `INVALID_REFERENCE`. */
export function withDigest(reference: ImageReference, digest: string): ImageReference {
  checkDigest(`${referenceName(reference)}@${digest}`, digest);
  return { ...reference, digest };
}

function suffix(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  return reference.digest === undefined ? tag : `${tag}@${reference.digest}`;
}

/** As a URL has it; Node's own question would load its sockets into every thread that reads a name. */
function isIPv6(address: string): boolean {
  return URL.canParse(`http://[${address}]`);
}

/** Registry and repository of a name, with docker's rule for telling a host from a first path component. */
function splitName(name: string): readonly [string, string] {
  const [first, rest] = cut(name, '/');
  const isHost = first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first;
  if (rest === undefined || !isHost) {
    return [dockerHub, rest === undefined ? official + name : name];
  }
  if (first !== dockerHub && first !== dockerHubOfOld) {
    return [first, rest];
  }
  return [dockerHub, rest.includes('/') ? rest : official + rest];
}

function cut(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function checkRepository(text: string, repository: string): void {
  if (repository.length > longestRepository) {
    throw invalidReference(text, `the repository is longer than ${longestRepository} characters`);
  }
  if (repositoryPattern.test(repository)) {
    return;
  }
  const lower = repository.toLowerCase();
  throw repositoryPattern.test(lower)
    ? invalidReference(
        text,
        'a repository is written in lower case',
        `write ${lower.replace(/^library\//, '')}`,
      )
    : invalidReference(text, `${JSON.stringify(repository)} is no repository`);
}

function checkTag(text: string, tag: string): void {
  if (!tagPattern.test(tag)) {
    throw invalidReference(
      text,
      `${JSON.stringify(tag)} is no tag`,
      'a tag is 1 to 128 letters, digits, dots, underscores and dashes, and starts with none of . and -',
    );
  }
}

function checkDigest(text: string, digest: string): void {
  try {
    parseDigest(digest);
  } catch (cause) {
    throw invalidReference(text, (cause as Error).message, (cause as MabuildError).hint, cause);
  }
  if (!isVerifiableDigest(digest)) {
    throw invalidReference(text, 'its digest algorithm is not known', 'use sha256 or sha512');
  }
}

function invalidReference(text: string, reason: string, hint?: string, cause?: unknown): MabuildError {
  const shown = text.length > 160 ? `${text.slice(0, 160)}…` : text;
  return new MabuildError(`${JSON.stringify(shown)} is no image name: ${reason}`, {
    code: 'INVALID_REFERENCE',
    hint: hint ?? 'write [registry/]repository[:tag][@digest], e.g. ubuntu:22.04 or localhost:5000/app:1',
    cause,
  });
}
