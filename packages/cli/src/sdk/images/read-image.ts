import { Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type Descriptor,
  formatPlatformList,
  formatReference,
  type ImageReference,
  type ImageSource,
  isAttestation,
  isIndexType,
  isMabuildError,
  MabuildError,
  type Platform,
  parseImageIndex,
  parseImageManifest,
  readDocument,
} from '@mabuild/oci';
import type { SdkOptions } from '../toolbox.ts';
import { platformManifest } from './inspect.ts';
import { parseImageName } from './references.ts';
import { withReference, withRegistry } from './with-reference.ts';

export interface ReadRequest {
  readonly reference: string;
  /** Which image of an index. @default for a manifest the index itself; for a config the only image */
  readonly platform?: Platform | undefined;
}

/** A document of a registry, byte for byte. */
export interface RawDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/**
 * Reads the manifest or index that a reference names, or the manifest of one platform.
 * @throws MabuildError `PLATFORM_MISSING`, `IMAGE_NOT_FOUND`, `REGISTRY_…`
 */
export async function readManifest(request: ReadRequest, options: SdkOptions = {}): Promise<RawDocument> {
  const { platform } = request;
  return withReference(request.reference, options, async ({ reference, source }) => {
    const descriptor = platform
      ? await platformManifest(source, platform, { reference, signal: options.signal })
      : source.root;
    return { descriptor, bytes: await readDocument(source, descriptor, options) };
  });
}

/**
 * Reads the config of an image.
 * @throws MabuildError `PLATFORM_MISSING`; `USAGE` when no platform is named and there are several; `IMAGE_NOT_FOUND`,
 *   `REGISTRY_…`
 */
export async function readConfig(request: ReadRequest, options: SdkOptions = {}): Promise<RawDocument> {
  const { platform } = request;
  return withReference(request.reference, options, async ({ reference, source }) => {
    const image = platform
      ? await platformManifest(source, platform, { reference, signal: options.signal })
      : await onlyImage(source, reference, options);
    const { config } = parseImageManifest(await readDocument(source, image, options));
    return { descriptor: config, bytes: await readDocument(source, config, options) };
  });
}

async function onlyImage(
  source: ImageSource,
  reference: ImageReference,
  options: SdkOptions,
): Promise<Descriptor> {
  if (!isIndexType(source.root.mediaType)) return source.root;
  const { manifests } = parseImageIndex(await readDocument(source, source.root, options));
  const images = manifests.filter((entry) => !isAttestation(entry));
  const [only] = images;
  if (only && images.length === 1) return only;
  const platforms = images.flatMap((entry) => entry.platform ?? []);
  throw new MabuildError(`${formatReference(reference)} has ${images.length} images, each with a config`, {
    code: 'USAGE',
    hint: `name a platform: ${formatPlatformList(platforms)}`,
  });
}

/**
 * Writes a blob of a registry to a stream, which stays open.
 * @param text `NAME@DIGEST`
 * @throws MabuildError `INVALID_REFERENCE`, `BLOB_NOT_FOUND`, `REGISTRY_…`; `DIGEST_MISMATCH`, `SIZE_MISMATCH` when what was
 *   written is not the blob, with the count of bytes in the message
 */
export async function readBlob(text: string, to: Writable, options: SdkOptions = {}): Promise<Descriptor> {
  const reference = parseImageName(text);
  return withRegistry(options, async (registry) => {
    const { signal } = options;
    const source = await registry.blob(reference, { signal });
    let written = 0;
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        written += chunk.length;
        done(null, chunk);
      },
    });
    try {
      const body = await source.read(source.root, { signal });
      await pipeline([body, counted, to], { end: false, ...(signal && { signal }) });
      return source.root;
    } catch (error) {
      signal?.throwIfAborted();
      throw written > 0 && isMabuildError(error) ? useless(error, written) : error;
    }
  });
}

function useless(cause: MabuildError, written: number): MabuildError {
  return new MabuildError(`${cause.message}; ${written} bytes were written before that was known`, {
    code: cause.code,
    hint: 'throw away what was written',
    cause,
  });
}
