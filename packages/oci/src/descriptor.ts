import { isDigest } from './digest.ts';
import {
  at,
  type JsonPlace,
  object,
  parseJson,
  string,
  stringMap,
  strings,
  withoutNulls,
  wrong,
} from './json-check.ts';
import { isMediaType } from './media-type.ts';
import type { Platform } from './platform.ts';

/** A pointer to content: OCI image-spec, "Content Descriptors". */
export interface Descriptor {
  readonly mediaType: string;
  /** `algorithm:hex`, e.g. `sha256:…`. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  /** On an index entry: which platform the manifest is for. */
  readonly platform?: Platform;
  readonly artifactType?: string;
  /** Places outside the registry from which a foreign layer may be fetched. */
  readonly urls?: readonly string[];
  /** The content itself, base64, when it is small. */
  readonly data?: string;
}

/** The longest descriptor that is read, bytes. */
const longestDescriptor = 4 * 1024 * 1024;

/**
 * Reads one descriptor from JSON text, bytes, or JSON parsed before.
 * @throws MabuildError `INVALID_DESCRIPTOR`, with the path of the field.
 */
export function parseDescriptor(input: unknown): Descriptor {
  const place: JsonPlace = { document: 'descriptor', code: 'INVALID_DESCRIPTOR', path: '' };
  return descriptorAt(parseJson(input, place, longestDescriptor), place);
}

/** Reads the descriptor at a place of a bigger document. */
export function descriptorAt(value: unknown, place: JsonPlace): Descriptor {
  const fields = withoutNulls(object(value, place));
  mediaTypeAt(fields.mediaType, at(place, 'mediaType'));
  const digest = string(fields.digest, at(place, 'digest'));
  if (!isDigest(digest)) {
    throw wrong(at(place, 'digest'), `is ${JSON.stringify(digest.slice(0, 160))}, which is no digest`);
  }
  if (!Number.isSafeInteger(fields.size) || (fields.size as number) < 0) {
    throw wrong(
      at(place, 'size'),
      `is ${JSON.stringify(fields.size) ?? 'missing'}, expected a number of bytes`,
    );
  }
  if (fields.artifactType !== undefined) {
    mediaTypeAt(fields.artifactType, at(place, 'artifactType'));
  }
  if (fields.annotations !== undefined) {
    stringMap(fields.annotations, at(place, 'annotations'));
  }
  if (fields.urls !== undefined) {
    for (const [index, url] of strings(fields.urls, at(place, 'urls')).entries()) {
      if (!URL.canParse(url)) {
        throw wrong(at(at(place, 'urls'), index), 'is no URL');
      }
    }
  }
  if (fields.data !== undefined && !isBase64(string(fields.data, at(place, 'data')))) {
    throw wrong(at(place, 'data'), 'is not base64');
  }
  const platform =
    fields.platform === undefined ? undefined : platformAt(fields.platform, at(place, 'platform'));
  return (platform === undefined ? fields : { ...fields, platform }) as unknown as Descriptor;
}

/** Reads the media type at a place of a document. */
export function mediaTypeAt(value: unknown, place: JsonPlace): string {
  const mediaType = string(value, place);
  if (!isMediaType(mediaType)) {
    throw wrong(place, `is ${JSON.stringify(mediaType.slice(0, 160))}, which is no media type`);
  }
  return mediaType;
}

/** Reads the platform at a place of a document, as it is written there (not normalised). */
export function platformAt(value: unknown, place: JsonPlace): Platform {
  const fields = withoutNulls(object(value, place));
  for (const name of ['os', 'architecture'] as const) {
    string(fields[name], at(place, name));
  }
  for (const name of ['variant', 'os.version'] as const) {
    if (fields[name] !== undefined) {
      string(fields[name], at(place, name));
    }
  }
  if (fields['os.features'] !== undefined) {
    strings(fields['os.features'], at(place, 'os.features'));
  }
  return fields as unknown as Platform;
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}
