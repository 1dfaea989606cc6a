import { familiarReference, MabuildError, parseReference, withTag } from '@mabuild/oci';
import { parseTag } from '../build/publish.ts';
import type { CopyRequest } from './copy-request.ts';
import { formatLocation, type ImageLocation, parseLocation } from './image-location.ts';
import type { Locations } from './locations.ts';
import { parseRepository } from './references.ts';

/** One image, where it goes to, and the names that it gets there. */
export interface CopyPair {
  readonly from: ImageLocation;
  readonly to: ImageLocation;
  readonly names: readonly string[];
}

/** What a copy is asked to do, read and found to make sense. */
export interface CopyPlan {
  readonly source: ImageLocation;
  readonly destination: ImageLocation;
  /** Every tag of the source. */
  readonly many: boolean;
  /** The images, found by asking the source where there are many. */
  pairs(locations: Locations): Promise<readonly CopyPair[]>;
}

/** @throws MabuildError `INVALID_REFERENCE`, `INVALID_SOURCE`, `USAGE` */
export function planCopy(request: Pick<CopyRequest, 'source' | 'destination' | 'allTags'>): CopyPlan {
  if (request.allTags) return planTags(request.source, request.destination);
  const source = parseLocation(request.source);
  const destination = parseLocation(request.destination);
  const to = named(destination, source, request.destination);
  return {
    source,
    destination,
    many: false,
    pairs: async () => [{ from: source, to, names: namesAt(to, source) }],
  };
}

/** Fills in the tag that a destination leaves out: the source's. */
function named(to: ImageLocation, from: ImageLocation, text: string): ImageLocation {
  switch (to.kind) {
    case 'registry':
      return { kind: 'registry', reference: parseTag(text) };
    case 'oci':
    case 'oci-archive':
      return { ...to, tag: to.tag ?? tagOf(from) ?? 'latest' };
    default:
      return to;
  }
}

/** What the image is to be called there, in the words of that place. */
function namesAt(to: ImageLocation, from: ImageLocation): readonly string[] {
  switch (to.kind) {
    case 'registry':
      return [to.reference.tag ?? 'latest'];
    case 'docker':
      return [familiarReference(parseTag(to.image))];
    case 'docker-archive':
      return from.kind === 'registry' && from.reference.tag !== undefined
        ? [familiarReference(withTag(from.reference, from.reference.tag))]
        : [];
    default:
      return [to.tag ?? 'latest'];
  }
}

function tagOf(location: ImageLocation): string | undefined {
  switch (location.kind) {
    case 'registry':
      return location.reference.tag;
    case 'docker':
      return parseReference(location.image).tag;
    case 'docker-archive':
      return undefined;
    default:
      return location.tag;
  }
}

function planTags(sourceText: string, destinationText: string): CopyPlan {
  const source = untagged(sourceText);
  const destination = untagged(destinationText);
  return {
    source,
    destination,
    many: true,
    async pairs(locations) {
      const names = await locations.tags(source);
      const pairs = names.map((name) => {
        const tag = plainTag(name);
        return { from: withName(source, name), to: withName(destination, tag), names: [tag] };
      });
      if (pairs.length > 0) return pairs;
      throw new MabuildError(`${formatLocation(source)} has no tags`, {
        code: 'IMAGE_NOT_FOUND',
        hint: 'copy an image by its digest: NAME@sha256:…',
      });
    },
  };
}

/** A place of many images. @throws MabuildError `USAGE`, `INVALID_REFERENCE` */
function untagged(text: string): ImageLocation {
  const location = parseLocation(text);
  if (location.kind === 'registry') return { kind: 'registry', reference: parseRepository(text) };
  if ((location.kind === 'oci' || location.kind === 'oci-archive') && location.tag === undefined)
    return location;
  throw new MabuildError(`${text} is one image, and --all-tags copies many`, {
    code: 'USAGE',
    hint: 'name repositories, oci:DIR or oci-archive:FILE, without a tag',
  });
}

/** Layouts also hold whole references as names. */
function plainTag(name: string): string {
  return /[/:]/.test(name) ? (parseReference(name).tag ?? 'latest') : name;
}

function withName(location: ImageLocation, name: string): ImageLocation {
  if (location.kind === 'registry') {
    return { kind: 'registry', reference: withTag(location.reference, name) };
  }
  return { ...location, tag: name } as ImageLocation;
}
