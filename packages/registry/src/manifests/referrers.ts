import {
  type CallOptions,
  type Descriptor,
  isIndexType,
  mediaTypes,
  parseImageIndex,
  referrersTag,
} from '@mabuild/oci';
import { pullScope, pushScope } from '../access/scope.ts';
import { RegistryError } from '../error.ts';
import type { CallAnswer } from '../http/transport.ts';
import { readPages } from '../lists/pages.ts';
import type { Repository } from '../repository.ts';
import { getManifest, spell } from './manifest.ts';

export interface ReferrersOptions extends CallOptions {
  /** Only what is of this type, e.g. `application/spdx+json`. @default all */
  readonly artifactType?: string | undefined;
}

export interface FindReferrersOptions extends ReferrersOptions {
  /** The finder means to push, so that one token does for everything. @default false */
  readonly pushing?: boolean | undefined;
}

/** What names a manifest as its subject, and who says so. */
export interface FoundReferrers {
  /** `api`: the registry finds them itself; `tag`: those who push keep a list under a tag. */
  readonly from: 'api' | 'tag';
  readonly descriptors: readonly Descriptor[];
}

/**
 * Lists what names a manifest as its subject: signatures, SBOMs, attestations. distribution-spec, "Listing Referrers"
 * and, where the registry does not know that, the list under "Referrers Tag Schema".
 */
export async function findReferrers(
  repository: Repository,
  digest: string,
  options: FindReferrersOptions = {},
): Promise<FoundReferrers> {
  const fromApi = await askApi(repository, digest, options);
  const descriptors = fromApi ?? (await readTag(repository, digest, options));
  const { artifactType } = options;
  // A registry may leave the filter to its callers.
  const wanted = descriptors.filter(
    (descriptor) => artifactType === undefined || descriptor.artifactType === artifactType,
  );
  return { from: fromApi === undefined ? 'tag' : 'api', descriptors: wanted };
}

/** @returns `undefined` where the registry has no such endpoint. */
async function askApi(
  repository: Repository,
  digest: string,
  { artifactType, signal, pushing = false }: FindReferrersOptions,
): Promise<readonly Descriptor[] | undefined> {
  const doing = `listing the referrers of ${spell(repository, digest)}`;
  const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType })}`;
  const seen = new Set<string>();
  const found: Descriptor[] = [];
  let known = false;
  const pages = readPages(
    repository.host,
    {
      path: `/v2/${repository.path}/referrers/${digest}${query}`,
      headers: { accept: mediaTypes.ociIndex },
      scopes: [pushing ? pushScope(repository.path) : pullScope(repository.path)],
      doing,
      accept: [400, 404, 405, 406, 501],
    },
    { signal, pageSize: 'none' },
    (answer) => {
      if (!known && !isIndexAnswer(answer)) {
        return [];
      }
      known = true;
      const { manifests } = parseImageIndex(answer.bytes, {
        of: `the referrers of ${spell(repository, digest)}`,
      });
      const fresh = manifests.filter((entry) => !seen.has(entry.digest));
      for (const entry of fresh) {
        seen.add(entry.digest);
      }
      return fresh;
    },
  );
  for await (const descriptor of pages) {
    found.push(descriptor);
  }
  return known ? found : undefined;
}

/** Some registries answer what they do not know with 200 and a page for people. */
function isIndexAnswer({ status, header }: CallAnswer): boolean {
  return status === 200 && header('content-type')?.split(';')[0]?.trim() === mediaTypes.ociIndex;
}

async function readTag(
  repository: Repository,
  digest: string,
  options: FindReferrersOptions,
): Promise<readonly Descriptor[]> {
  try {
    const { descriptor, bytes } = await getManifest(repository, referrersTag(digest), options);
    return isIndexType(descriptor.mediaType) ? parseImageIndex(bytes).manifests : [];
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'IMAGE_NOT_FOUND') {
      return [];
    }
    throw error;
  }
}
