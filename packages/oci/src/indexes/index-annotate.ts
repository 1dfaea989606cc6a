import type { ImageIndex } from '../manifest.ts';
import type { Platform } from '../platform.ts';
import { imagesFor } from './index-entry.ts';

/** Annotations to write; `undefined` takes one away. */
export type AnnotationChanges = Readonly<Record<string, string | undefined>>;

/**
 * Annotates an index, or its entries for a platform: OCI image-spec, "Annotations".
 * @throws MabuildError `PLATFORM_MISSING`
 */
export function annotateIndex(
  index: ImageIndex,
  changes: AnnotationChanges,
  options: { readonly platform?: Platform | undefined } = {},
): ImageIndex {
  const { platform } = options;
  if (platform === undefined) return annotated(index, changes);
  const meant = new Set(imagesFor(index, platform));
  const manifests = index.manifests.map((entry) =>
    [...meant].some((one) => one === entry) ? annotated(entry, changes) : entry,
  );
  return manifests.every((entry, at) => entry === index.manifests[at]) ? index : { ...index, manifests };
}

interface Annotated {
  readonly annotations?: Readonly<Record<string, string>>;
}

function annotated<T extends Annotated>(given: T, changes: AnnotationChanges): T {
  const { annotations: old = {}, ...rest } = given;
  if (Object.entries(changes).every(([key, value]) => old[key] === value)) return given;
  const entries = Object.entries({ ...old, ...changes }).filter(([, value]) => value !== undefined);
  return (entries.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(entries) }) as T;
}
