import {
  type CallOptions,
  changeReferrersTag,
  type ImageSink,
  isMabuildError,
  parseAnyManifest,
  type ReferrersChange,
  referrersTag,
} from '@mabuild/oci';
import type { Repository } from '../repository.ts';
import { findManifest, getManifest, type StoredManifest } from './manifest.ts';
import { findReferrers } from './referrers.ts';

/**
 * Keeps the list of what names a manifest as its subject, where the registry does not find that out by itself:
 * distribution-spec, "Pushing Manifests with Subject" and "Deleting Manifests".
 * @param sink writes to the repository
 */
export async function changeReferrers(
  repository: Repository,
  sink: ImageSink,
  digest: string,
  change: ReferrersChange,
  options: CallOptions = {},
): Promise<void> {
  const { from } = await findReferrers(repository, digest, { ...options, pushing: true });
  if (from === 'tag') {
    const readList = () => getManifestIfAny(repository, referrersTag(digest), options);
    await changeReferrersTag(sink, digest, change, readList, options);
  }
}

/**
 * The digest that a manifest names as its subject; what cannot be read names none.
 * @throws RegistryError `IMAGE_NOT_FOUND`, `REGISTRY_…`
 */
export async function subjectOf(
  repository: Repository,
  digest: string,
  { signal }: CallOptions = {},
): Promise<string | undefined> {
  try {
    const { bytes, descriptor } = await getManifest(repository, digest, { signal });
    const parsed = parseAnyManifest(bytes, descriptor.mediaType);
    return (parsed.kind === 'index' ? parsed.index : parsed.manifest).subject?.digest;
  } catch (error) {
    if (isMabuildError(error) && /^(UNSUPPORTED|INVALID)_/.test(error.code)) {
      return undefined;
    }
    throw error;
  }
}

async function getManifestIfAny(
  repository: Repository,
  name: string,
  { signal }: CallOptions,
): Promise<StoredManifest | undefined> {
  const found = await findManifest(repository, name, { signal, pushing: true });
  return found && getManifest(repository, found.digest, { signal, pushing: true });
}
