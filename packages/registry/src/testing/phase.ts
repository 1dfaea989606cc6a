import { isDigest } from '@mabuild/oci';

/** What a request is for. */
export type RegistryPhase =
  | 'ping'
  | 'token'
  | 'catalog'
  | 'tag-list'
  | 'referrers'
  /** Manifests by digest. */
  | 'manifest-head'
  | 'manifest-get'
  | 'manifest-put'
  | 'manifest-delete'
  /** Manifests by tag. */
  | 'tag-head'
  | 'tag-get'
  | 'tag-put'
  | 'tag-delete'
  | 'blob-head'
  | 'blob-get'
  | 'blob-delete'
  /** With `from`. */
  | 'mount'
  | 'upload-begin'
  | 'upload-patch'
  | 'upload-put'
  | 'upload-status'
  | 'upload-cancel'
  /** Where GET of a blob was sent on to. */
  | 'storage'
  | 'unknown';

/** A request's address, read. */
export interface Route {
  readonly phase: RegistryPhase;
  readonly repository: string;
  /** Tag, digest or upload id. */
  readonly name: string;
}

const uploadPhases: Readonly<Record<string, RegistryPhase>> = {
  POST: 'upload-begin',
  PATCH: 'upload-patch',
  PUT: 'upload-put',
  GET: 'upload-status',
  DELETE: 'upload-cancel',
};

/** Reads what a request is for: distribution-spec, "Endpoints". */
export function routeOf(method: string, { pathname, searchParams }: URL): Route {
  const fixed: Readonly<Record<string, RegistryPhase>> = {
    '/v2': 'ping',
    '/v2/': 'ping',
    '/token': 'token',
    '/v2/_catalog': 'catalog',
  };
  const [, repository = '', kind, name = ''] =
    /^\/v2\/(.+?)\/(manifests|blobs|tags|referrers)\/(.*)$/.exec(pathname) ?? [];
  const [, stored] = /^\/storage\/(.+)$/.exec(pathname) ?? [];
  if (stored !== undefined) {
    const cut = stored.lastIndexOf('/');
    return { phase: 'storage', repository: stored.slice(0, cut), name: stored.slice(cut + 1) };
  }
  const route = (phase: RegistryPhase, id: string = name): Route => ({ phase, repository, name: id });
  switch (kind) {
    case undefined:
      return route(fixed[pathname] ?? 'unknown');
    case 'tags':
      return route(name === 'list' ? 'tag-list' : 'unknown');
    case 'referrers':
      return route('referrers');
    case 'manifests':
      return route(withMethod(isDigest(name) ? 'manifest' : 'tag', method));
    default:
      if (!name.startsWith('uploads/')) {
        return route(withMethod('blob', method));
      }
      return method === 'POST' && searchParams.has('from')
        ? route('mount', '')
        : route(uploadPhases[method] ?? 'unknown', name.slice('uploads/'.length));
  }
}

function withMethod(kind: 'manifest' | 'tag' | 'blob', method: string): RegistryPhase {
  switch (method) {
    case 'HEAD':
      return `${kind}-head`;
    case 'GET':
      return `${kind}-get`;
    case 'DELETE':
      return `${kind}-delete`;
    case 'PUT':
      return kind === 'blob' ? 'unknown' : `${kind}-put`;
    default:
      return 'unknown';
  }
}
