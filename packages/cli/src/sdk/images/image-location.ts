import {
  formatReference,
  type ImageReference,
  isMabuildError,
  MabuildError,
  parseReference,
} from '@mabuild/oci';

/** Where an image is, as people name it. */
export type ImageLocation =
  | { readonly kind: 'registry'; readonly reference: ImageReference }
  /** A folder that is an OCI layout. */
  | { readonly kind: 'oci'; readonly path: string; readonly tag?: string }
  | { readonly kind: 'oci-archive'; readonly path: string; readonly tag?: string }
  | { readonly kind: 'docker-archive'; readonly path: string }
  /** An image of the engine. */
  | { readonly kind: 'docker'; readonly image: string };

/** Places other than registries. */
export type LocalLocation = Exclude<ImageLocation, { kind: 'registry' }>;

const forms = 'oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE or docker:IMAGE';

/**
 * Reads `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE`, `docker:IMAGE`, or a reference.
 *
 * The words before a colon come first: Docker Hub's image `docker` is written `docker.io/library/docker:cli`.
 * @throws MabuildError `INVALID_REFERENCE`, with the other forms in its hint
 */
export function parseLocation(text: string): ImageLocation {
  const local = readLocal(text);
  if (local) return local;
  try {
    return { kind: 'registry', reference: parseReference(text) };
  } catch (error) {
    if (!isMabuildError(error) || !/^[a-z-]+:($|[./\\])/.test(text) || text.includes('://')) throw error;
    throw new MabuildError(`${JSON.stringify(text)} is no place for an image`, {
      code: 'INVALID_SOURCE',
      hint: `use ${forms}, or a reference like localhost:5000/app:1`,
      cause: error,
    });
  }
}

/**
 * Reads a place that is no registry.
 * @param as what it is meant for, for the message
 * @throws MabuildError `INVALID_SOURCE`, `INVALID_OUTPUT`
 */
export function parseLocalLocation(text: string, as: 'source' | 'destination' = 'source'): LocalLocation {
  const local = readLocal(text);
  if (local) return local;
  throw new MabuildError(`${JSON.stringify(text)} is no ${as}`, {
    code: as === 'source' ? 'INVALID_SOURCE' : 'INVALID_OUTPUT',
    hint: `use ${forms}`,
  });
}

/** Writes a location so that {@link parseLocation} reads it back. */
export function formatLocation(location: ImageLocation): string {
  switch (location.kind) {
    case 'registry':
      return formatReference(location.reference);
    case 'docker':
      return `docker:${location.image}`;
    case 'docker-archive':
      return `docker-archive:${location.path}`;
    default:
      return `${location.kind}:${location.path}${location.tag === undefined ? '' : `:${location.tag}`}`;
  }
}

function readLocal(text: string): LocalLocation | undefined {
  const [, kind, rest = ''] = /^([a-z-]+):(.+)$/s.exec(text) ?? [];
  switch (kind) {
    case 'oci':
    case 'oci-archive':
      return { kind, ...splitTag(rest) };
    case 'docker-archive':
      return { kind, path: rest };
    case 'docker':
      // docker://NAME is other tools' word for a reference; what is wrong with it is said there.
      return rest.startsWith('//') ? undefined : { kind, image: rest };
    default:
      return undefined;
  }
}

/** `DIR:TAG`: what follows the last colon, unless it has a slash in it or nothing before it. */
function splitTag(text: string): { readonly path: string; readonly tag?: string } {
  const colon = text.lastIndexOf(':');
  const tag = text.slice(colon + 1);
  return colon > 0 && /^[^/\\]+$/.test(tag) ? { path: text.slice(0, colon), tag } : { path: text };
}
