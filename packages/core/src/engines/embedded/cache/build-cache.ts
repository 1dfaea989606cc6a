import type { BlobStore } from '@mabuild/oci';
import { type CallOptions, formatPlatform, type Platform } from '@mabuild/oci';
import type { CacheRecord } from './cache-document.ts';
import { type CacheImage, type CacheMode, cacheImage } from './export-cache.ts';
import { type CacheSource, type ImportedCache, importCaches } from './imported-cache.ts';

/** What builds of one call take from caches that are kept elsewhere, and give to them. */
export interface BuildCache {
  readonly imported: ImportedCache;
  /** Notes what a step of a platform made. */
  note(platform: Platform, record: CacheRecord): void;
  /**
   * The cache of a platform that was built, ready to be written anywhere.
   * @param diffIds of the image
   */
  image(platform: Platform, mode: CacheMode, diffIds: readonly string[]): Promise<CacheImage>;
  /** Takes nothing from elsewhere any more, and forgets what was noted. */
  forget(): void;
}

/** Reads caches that are kept elsewhere; their layers stay there until they are needed. */
export async function openBuildCache(
  sources: readonly CacheSource[],
  store: BlobStore,
  options: CallOptions & { readonly onProblem: (text: string) => void },
): Promise<BuildCache> {
  const imported = await importCaches(sources, store, options);
  const noted = new Map<string, Map<string, CacheRecord>>();
  return {
    imported,
    note(platform, record) {
      const name = formatPlatform(platform);
      const records = noted.get(name) ?? new Map<string, CacheRecord>();
      noted.set(name, records.set(`${record.kind} ${record.key}`, record));
    },
    image(platform, mode, diffIds) {
      const records = [...(noted.get(formatPlatform(platform))?.values() ?? [])];
      return cacheImage({ platform, records, mode, diffIds, store, imported });
    },
    forget() {
      imported.forget();
      noted.clear();
    },
  };
}
