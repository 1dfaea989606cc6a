import type { Memory } from '@mabuild/core';
import {
  type CallOptions,
  type Descriptor,
  type ImageReference,
  type ImageSource,
  isIndexType,
  isManifestType,
  type PushEvent,
} from '@mabuild/oci';

/** Which repository of a registry was last seen to hold a blob, so that another one may mount it. */
export interface KnownPlaces {
  /** The same source, which also knows where in the registry its blobs are. */
  knowing(source: ImageSource): ImageSource;
  /** Whether the registry was seen to hold a blob. */
  knows(digest: string): Promise<boolean>;
  /** Notes a blob that is in the repository now. */
  note(event: PushEvent): void;
  /** Writes what was noted. */
  save(): Promise<void>;
}

/** Remembers blobs by registry; a registry that has lost one says so, and the blob is sent. */
export function openKnownPlaces(repository: ImageReference, memory: Memory): KnownPlaces {
  const { registry } = repository;
  const noted = new Set<string>();
  const keyOf = (digest: string): string => `${registry} ${digest}`;
  return {
    knowing: (source) => ({
      root: source.root,
      read: (descriptor, options) => source.read(descriptor, options),
      ...(source.referrers && {
        referrers: async (subject: Descriptor, options?: CallOptions) =>
          (await source.referrers?.(subject, options)) ?? [],
      }),
      async mountableFrom(descriptor: Descriptor) {
        const own = await source.mountableFrom?.(descriptor);
        if (own?.registry === registry) return own;
        const known = await memory.get('pushed', keyOf(descriptor.digest));
        return typeof known === 'string' && known !== repository.repository
          ? { registry, repository: known }
          : own;
      },
    }),
    knows: async (digest) => (await memory.get('pushed', keyOf(digest))) !== undefined,
    note: ({ state, descriptor }) => {
      const isBlob = !isManifestType(descriptor.mediaType) && !isIndexType(descriptor.mediaType);
      if (isBlob && state !== 'sending') noted.add(descriptor.digest);
    },
    save: async () => {
      await Promise.all(
        [...noted].map((digest) => memory.set('pushed', keyOf(digest), repository.repository)),
      );
    },
  };
}
