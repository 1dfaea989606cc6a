import { type ImageFacts, offlineImages } from '@mabuild/core';
import {
  configPlatform,
  familiarReference,
  type ImageReference,
  isAttestation,
  isIndexType,
  isMabuildError,
  type Platform,
  parseImageConfig,
  parseImageIndex,
  parseImageManifest,
  parseReference,
  readDocument,
} from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';

/**
 * Says which platforms an image has: the registry decides when it answers, the tables otherwise.
 *
 * @param registry `undefined` offline
 */
export function imageFacts(registry: RegistryClient | undefined, signal?: AbortSignal): ImageFacts {
  const known = new Map<string, Promise<readonly Platform[] | undefined>>();
  return {
    platformsOf(text) {
      const answer = known.get(text) ?? ask(parseReference(text), registry, signal);
      known.set(text, answer);
      return answer;
    },
  };
}

async function ask(
  reference: ImageReference,
  registry: RegistryClient | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly Platform[] | undefined> {
  if (registry) {
    try {
      return await registryPlatforms(reference, registry, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isMabuildError(error)) throw error;
    }
  }
  return await offlineImages.platformsOf(familiarReference(reference));
}

async function registryPlatforms(
  reference: ImageReference,
  registry: RegistryClient,
  signal: AbortSignal | undefined,
): Promise<readonly Platform[]> {
  const source = await registry.resolve(reference, { signal });
  const bytes = await readDocument(source, source.root, { signal });
  if (isIndexType(source.root.mediaType)) {
    return parseImageIndex(bytes)
      .manifests.filter((entry) => entry.platform && !isAttestation(entry))
      .map((entry) => entry.platform as Platform);
  }
  const manifest = parseImageManifest(bytes);
  return [configPlatform(parseImageConfig(await readDocument(source, manifest.config, { signal })))];
}
