import { RegistryError, redactUrl } from '../error.ts';
import { isPrivateHost } from './host-name.ts';

/**
 * Where an upload goes on: distribution-spec, "Pushing blobs", `Location` of a 202.
 *
 * A private address other than the registry's own is refused: a registry must not make this machine talk to its
 * neighbours. A registry behind a TLS proxy often answers `http://` of itself; that is taken back to https.
 * @throws RegistryError `REGISTRY_ERROR`.
 */
export function resolveUploadLocation(request: URL, location: string | undefined, doing: string): URL {
  if (location === undefined || location === '') {
    throw new RegistryError(`${doing}: ${redactUrl(request)} did not say where to upload to`, {
      code: 'REGISTRY_ERROR',
      hint: 'the registry breaks the distribution-spec: its answer has no Location header',
    });
  }
  let url: URL;
  try {
    url = new URL(location, request);
  } catch {
    throw new RegistryError(`${doing}: ${redactUrl(request)} gave an upload address that is not a URL`, {
      code: 'REGISTRY_ERROR',
    });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refused(doing, request, url, 'which is neither http nor https');
  }
  if (url.hostname !== request.hostname && isPrivateHost(url.hostname)) {
    throw refused(doing, request, url, 'a private address that is not its own');
  }
  if (request.protocol === 'https:' && url.protocol === 'http:' && sameHost(request, url)) {
    url.protocol = 'https:';
    url.port = request.port;
  }
  return url;
}

function sameHost(request: URL, url: URL): boolean {
  return request.hostname === url.hostname && (request.port === url.port || url.port === '');
}

function refused(doing: string, request: URL, url: URL, why: string): RegistryError {
  return new RegistryError(
    `${doing}: ${redactUrl(request)} sends the upload to ${url.protocol}//${url.host}, ${why}`,
    {
      code: 'REGISTRY_ERROR',
      hint: 'set the public address of the registry in its own configuration (http.host of docker-registry)',
    },
  );
}
