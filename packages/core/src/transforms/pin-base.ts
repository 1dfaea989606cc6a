import {
  familiarReference,
  formatReference,
  type ImageReference,
  type Platform,
  platformsEqual,
  referenceName,
  withDigest,
} from '@mabuild/oci';
import { type BuildTarget, type ImageUse, imageUses } from '../dockerfile/image-uses.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { renameImage } from '../dockerfile/rename-image.ts';
import type { Builder } from '../engines/engine.ts';
import type { Change } from './draft.ts';

/** What a registry has behind a name, for one platform. */
export interface BasePin {
  readonly reference: ImageReference;
  readonly platform: Platform;
  /** The digest behind the name: an index's, or a manifest's. */
  readonly digest: string;
  /** The manifest for the platform. */
  readonly manifestDigest: string;
  /** The image config's `Env`; heredocs of COPY may name these variables. */
  readonly environment?: readonly string[] | undefined;
}

export interface PinOptions extends BuildTarget {
  readonly builder: Builder;
  readonly bases: readonly BasePin[];
}

/**
 * Pins every external image that a build needs, so that what was checked is what is built on.
 *
 * BuildKit and the embedded engine get the digest behind the name, one for all platforms, which keeps caches and
 * provenance; the classic
 * builder gets the platform's own manifest, because it takes any architecture that it finds under another name.
 * Images without a pin stay as they are.
 */
export function pinBase(dockerfile: Dockerfile, options: PinOptions): Change {
  return {
    edits: imageUses(dockerfile, options).flatMap((use) => {
      const pin = pinOf(use, options.bases);
      return pin
        ? renameImage(dockerfile, use, pinnedName(pin, options.builder), { throughArgs: false })
        : [];
    }),
  };
}

/** The pin of an image that is used. */
export function pinOf(
  use: Pick<ImageUse, 'reference' | 'platform'>,
  bases: readonly BasePin[],
): BasePin | undefined {
  const name = formatReference(use.reference);
  const named = bases.filter((base) => formatReference(base.reference) === name);
  // A source of COPY may have been found for a lower variant: there is no place to write that down.
  return (
    named.find((base) => platformsEqual(base.platform, use.platform)) ??
    named.find((base) => base.platform.architecture === use.platform.architecture)
  );
}

function pinnedName(pin: BasePin, builder: Builder): string {
  if (builder !== 'classic') return familiarReference(withDigest(pin.reference, pin.digest));
  const { registry, repository } = pin.reference;
  const name = familiarReference({ registry, repository, digest: pin.manifestDigest });
  return name.includes('@') ? name : `${referenceName(pin.reference)}@${pin.manifestDigest}`;
}
