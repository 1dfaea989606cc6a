import type { CallOptions } from '@mabuild/oci';
import { RegistryError, redactUrl } from '../error.ts';
import type { Answered, HostRequest, RegistryHost } from '../host/registry-host.ts';
import type { CallAnswer } from '../http/transport.ts';
import { findLink, parseLinkHeader } from './link-header.ts';

export interface ListOptions extends CallOptions {
  /** Only what comes after this name, in the registry's own order. */
  readonly last?: string | undefined;
  /** Names asked for at a time; a registry may give fewer. @default 1000, or what the registry likes better */
  readonly pageSize?: number | undefined;
}

/** Pages in a row that may bring nothing new before a list counts as endless. */
const barrenPages = 100;

/**
 * Reads a list page by page, each page found by the Link of the one before: distribution-spec, "Listing Tags".
 * @param read takes in a page, and tells how many entries it had not met before
 * @throws RegistryError `REGISTRY_ERROR` when a Link leads to another host, cannot be read, or the pages never end.
 */
export async function* readPages<T>(
  host: RegistryHost,
  request: Omit<HostRequest, 'method' | 'target'> & { readonly path: string },
  {
    last,
    pageSize,
    signal,
  }: Omit<ListOptions, 'pageSize'> & { readonly pageSize?: number | 'none' | undefined },
  read: (answer: Answered<CallAnswer>) => readonly T[],
): AsyncGenerator<T, void> {
  const { path, doing, accept = [] } = request;
  const ask = (target: string | URL, more: readonly number[] = []): Promise<Answered<CallAnswer>> =>
    host.call({ ...request, method: 'GET', target, accept: [...accept, ...more], signal });
  const at = (n: number | undefined): string => withQuery(path, { n: n?.toString(), last });

  let answer: Answered<CallAnswer>;
  if (pageSize === undefined) {
    // Some registries refuse a number above their own limit instead of giving less.
    answer = await ask(at(1000), [400]);
    answer = answer.status === 400 ? await ask(at(undefined)) : answer;
  } else {
    answer = await ask(at(pageSize === 'none' ? undefined : pageSize));
  }
  const visited = new Set<string>();
  for (let barren = 0; ; ) {
    const found = read(answer);
    yield* found;
    barren = found.length > 0 ? 0 : barren + 1;
    const next = nextPage(answer, doing);
    if (next === undefined) {
      return;
    }
    if (visited.has(next.href) || barren >= barrenPages) {
      throw new RegistryError(`${doing}: ${redactUrl(next)} lists without end`, {
        code: 'REGISTRY_ERROR',
        hint: 'the pages of the registry lead back to each other; tell who runs it',
      });
    }
    visited.add(next.href);
    answer = await ask(next);
  }
}

function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const known = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return known.length === 0 ? path : `${path}?${new URLSearchParams(known)}`;
}

/** Reads a page's JSON. @throws RegistryError `REGISTRY_ERROR` */
function readPage(answer: Answered<CallAnswer>, doing: string): Readonly<Record<string, unknown>> {
  try {
    const document: unknown = JSON.parse(answer.bytes.toString());
    if (typeof document === 'object' && document !== null && !Array.isArray(document)) {
      return document as Record<string, unknown>;
    }
  } catch {
    // Said below.
  }
  throw unreadable(answer, doing);
}

/**
 * The names that a page lists under a key, `null` being none, without those met before.
 * @throws RegistryError `REGISTRY_ERROR`
 */
export function namesOf(
  answer: Answered<CallAnswer>,
  key: string,
  seen: Set<string>,
  doing: string,
): readonly string[] {
  const names = readPage(answer, doing)[key] ?? [];
  if (!Array.isArray(names) || !names.every(isName)) {
    throw unreadable(answer, doing);
  }
  const fresh = names.filter((name) => !seen.has(name));
  for (const name of fresh) {
    seen.add(name);
  }
  return fresh;
}

/** Names are for scripts and terminals: blanks and control characters in them are somebody's trick. */
function isName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= 4096 && /^[^\s\p{C}]+$/u.test(name);
}

function unreadable({ url }: { readonly url: URL }, doing: string): RegistryError {
  return new RegistryError(`${doing}: ${redactUrl(url)} answered with something else than a list`, {
    code: 'REGISTRY_ERROR',
    hint: 'check the address; a web page may have answered',
  });
}

function nextPage(answer: Answered<CallAnswer>, doing: string): URL | undefined {
  const header = answer.header('link');
  if (header === undefined) {
    return undefined;
  }
  const links = parseLinkHeader(header);
  if (links === undefined) {
    throw badLink(answer.url, 'cannot be read', doing);
  }
  const link = findLink(links, 'rel', 'next');
  if (link === undefined) {
    return undefined;
  }
  if (!URL.canParse(link.uri, answer.url.href)) {
    throw badLink(answer.url, 'is not a URL', doing);
  }
  const next = new URL(link.uri, answer.url);
  // A registry behind a TLS proxy may know itself as plain http.
  if (answer.url.protocol === 'https:' && next.protocol === 'http:' && isSameHost(answer.url, next)) {
    next.protocol = 'https:';
    next.port = answer.url.port;
  }
  if (next.origin !== answer.url.origin) {
    throw badLink(answer.url, `leads to ${next.protocol}//${next.host}, another host`, doing);
  }
  next.username = '';
  next.password = '';
  return next;
}

function isSameHost(asked: URL, next: URL): boolean {
  return asked.hostname === next.hostname && (asked.port === next.port || next.port === '');
}

function badLink(url: URL, what: string, doing: string): RegistryError {
  return new RegistryError(`${doing}: the Link to the next page after ${redactUrl(url)} ${what}`, {
    code: 'REGISTRY_ERROR',
    hint: 'set the public address of the registry in its own configuration (http.host of docker-registry)',
  });
}
