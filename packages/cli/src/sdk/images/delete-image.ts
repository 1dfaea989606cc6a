import {
  formatReference,
  type ImageReference,
  type ImageSource,
  isIndexType,
  isMabuildError,
  parseImageIndex,
  readDocument,
  referenceName,
} from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import { forManyListeners } from '../many-listeners.ts';
import type { SdkOptions } from '../toolbox.ts';
import { type OpenReference, withReference } from './with-reference.ts';

export interface DeleteRequest {
  /** A tag, which goes alone; or a digest, with which every tag of the manifest goes. */
  readonly reference: string;
  /** Delete the manifest that a tag points at. @default false */
  readonly manifest?: boolean | undefined;
}

/** What was deleted, and what was not. */
export interface DeleteResult {
  /** `NAME:TAG`, or `NAME@DIGEST` for a manifest. */
  readonly deleted: string;
  /** Of the manifest, which stays when only a tag was deleted. */
  readonly digest: string;
  /** Tags that went with the manifest; `undefined` when the registry did not tell. */
  readonly tags: readonly string[] | undefined;
  /** Manifests that the index named, and that stay. */
  readonly children: number;
}

/**
 * Deletes a tag, or a manifest with every tag of it. What an index names always stays.
 * @throws MabuildError `IMAGE_NOT_FOUND`; `REGISTRY_UNSUPPORTED` where the registry cannot, never the other instead;
 *   `INVALID_REFERENCE`, `REGISTRY_…`
 */
export async function deleteImage(request: DeleteRequest, given: SdkOptions = {}): Promise<DeleteResult> {
  const options = forManyListeners(given);
  const remove = async ({ reference, source, registry }: OpenReference): Promise<DeleteResult> => {
    const { digest } = source.root;
    const children = await countChildren(source, options);
    const { registry: host, repository, tag = 'latest' } = reference;
    if (reference.digest === undefined && !request.manifest) {
      await registry.delete({ registry: host, repository, tag }, options);
      return { deleted: formatReference(reference), digest, tags: [tag], children };
    }
    const tags = await tagsOf({ registry: host, repository }, digest, registry, options);
    await registry.delete({ registry: host, repository, digest }, options);
    return { deleted: `${referenceName(reference)}@${digest}`, digest, tags, children };
  };
  return withReference(request.reference, { ...options, pastMirrors: true }, remove);
}

async function countChildren(source: ImageSource, options: SdkOptions): Promise<number> {
  if (!isIndexType(source.root.mediaType)) return 0;
  return parseImageIndex(await readDocument(source, source.root, options)).manifests.length;
}

/** Tags that are looked at to say which go along with a manifest; each costs a request. */
const mostTags = 500;
const sideBySide = 16;

async function tagsOf(
  repository: ImageReference,
  digest: string,
  registry: RegistryClient,
  { signal }: SdkOptions,
): Promise<readonly string[] | undefined> {
  const tags: string[] = [];
  try {
    for await (const tag of registry.tags(repository, { signal, pastMirrors: true })) {
      if (tags.push(tag) > mostTags) return undefined;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (isMabuildError(error)) return undefined;
    throw error;
  }
  const found: string[] = [];
  const look = async (tag: string): Promise<void> => {
    const source = await registry.resolve({ ...repository, tag }, { signal, pastMirrors: true });
    if (source.root.digest === digest) found.push(tag);
  };
  while (tags.length > 0) {
    await Promise.all(
      tags.splice(0, sideBySide).map((tag) => look(tag).catch(() => signal?.throwIfAborted())),
    );
  }
  return found.sort();
}
