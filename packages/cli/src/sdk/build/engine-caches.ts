import { type Builder, chooseBuilder, type EngineInfo } from '@mabuild/core';
import { MabuildError } from '@mabuild/oci';
import { formatCachePlace } from '../cache/cache-spec.ts';
import type { Caches } from './build-caches.ts';

/** What a Docker Engine's BuildKit is asked for. */
export interface EngineCaches {
  /** References that steps are taken from. */
  readonly cacheFrom?: readonly string[];
  readonly buildArgs: Readonly<Record<string, string>>;
}

/**
 * What a request's caches are for the builder of an engine: the Engine API knows caches in registries to read, and one
 * inside of the image to write.
 * @throws MabuildError `ENGINE_CANNOT` for others
 */
export function engineCaches(
  { from, to, inline }: Caches,
  wanted: 'auto' | Builder,
  info: EngineInfo,
): EngineCaches {
  if (info.kind === 'embedded') {
    if (inline) throw noInline();
    return { buildArgs: {} };
  }
  if (!inline && from.length === 0 && to.length === 0) return { buildArgs: {} };
  const builder = chooseBuilder(wanted, info);
  if (builder !== 'buildkit') {
    throw cannot(
      `the ${builder} builder of ${info.kind} ${info.version} takes no caches from elsewhere and gives none`,
      wanted === 'auto'
        ? 'add --engine embedded'
        : 'use --engine embedded, or --engine buildkit where there is one',
    );
  }
  const [place] = to;
  if (place) {
    throw cannot(
      `a Docker Engine cannot write a cache to ${formatCachePlace(place)}`,
      'use --cache-to type=inline, which keeps it in the image for --cache-from IMAGE; or add --engine embedded',
    );
  }
  const cacheFrom = from.map((each) => {
    if (each.type === 'registry') return each.reference;
    throw cannot(
      `a Docker Engine cannot read a cache from ${formatCachePlace(each)}`,
      'name an image or a cache in a registry, or add --engine embedded',
    );
  });
  return {
    ...(cacheFrom.length > 0 && { cacheFrom }),
    buildArgs: inline ? { BUILDKIT_INLINE_CACHE: '1' } : {},
  };
}

function noInline(): MabuildError {
  return cannot(
    'the embedded engine keeps no cache inside of an image',
    'give the cache a name of its own: --cache-to type=registry,ref=ghcr.io/me/app:cache,mode=max',
  );
}

function cannot(message: string, hint: string): MabuildError {
  return new MabuildError(message, { code: 'ENGINE_CANNOT', hint });
}
