import { RegistryError, redactUrl } from '../error.ts';
import { isLoopbackHost, isPrivateHost } from './host-name.ts';
import { resolveUploadLocation } from './upload-location.ts';

/** The request that was answered with a redirect. */
export interface RedirectedRequest {
  readonly method: string;
  readonly url: URL;
  /** In words, for errors. */
  readonly doing: string;
  /** The registry's host is marked as insecure. */
  readonly insecure: boolean;
}

/** How many redirects one request follows. */
export const mostRedirects: number = 5;

/**
 * Where an answer sends its request on to; `undefined` when it is no redirect that can be followed.
 *
 * Like crane, a redirect to a private address other than the registry's own is refused, for reads as for uploads: a
 * registry must not make this machine talk to its neighbours. Names are not looked up. From https it goes on to https:
 * where a registry behind a TLS proxy calls itself http that is mended, anything else is refused unless its host is
 * marked as insecure.
 * @throws RegistryError `REGISTRY_ERROR`.
 */
export function redirectOf(
  answer: { readonly status: number; readonly header: (name: string) => string | undefined },
  request: RedirectedRequest,
): URL | undefined {
  const reading = request.method === 'GET' || request.method === 'HEAD';
  const follows = reading ? [301, 302, 303, 307, 308] : [307, 308];
  const location = answer.header('location');
  if (!follows.includes(answer.status) || location === undefined) {
    return undefined;
  }
  const next = reading
    ? readLocation(request, location)
    : resolveUploadLocation(request.url, location, request.doing);
  if (next?.protocol === 'http:' && request.url.protocol === 'https:' && !request.insecure) {
    throw refused(request, next, 'where it would go on in the clear', 'if its network is your own');
  }
  return next;
}

function readLocation(request: RedirectedRequest, location: string): URL | undefined {
  const { url } = request;
  if (!URL.canParse(location, url.href)) {
    return undefined;
  }
  const next = new URL(location, url);
  if (next.protocol !== 'http:' && next.protocol !== 'https:') {
    return undefined;
  }
  const sameName = next.hostname === url.hostname;
  const neighbours = isLoopbackHost(next.hostname) && isLoopbackHost(url.hostname);
  if (!sameName && !neighbours && isPrivateHost(next.hostname)) {
    throw refused(request, next, 'a private address that is not its own');
  }
  if (sameName && url.protocol === 'https:' && next.protocol === 'http:' && !request.insecure) {
    next.protocol = 'https:';
    next.port = next.port === '' ? url.port : next.port;
  }
  return next;
}

function refused(request: RedirectedRequest, next: URL, why: string, insecure?: string): RegistryError {
  return new RegistryError(
    `${request.doing}: ${request.method} ${redactUrl(request.url)} redirects to ${next.protocol}//${next.host}, ${why}`,
    {
      code: 'REGISTRY_ERROR',
      hint:
        insecure === undefined
          ? 'give the storage behind the registry a name or a public address in the settings of the registry'
          : `mark ${request.url.host} as insecure ${insecure}`,
    },
  );
}
