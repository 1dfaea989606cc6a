import { type Descriptor, descriptorAt, mediaTypeAt, platformAt } from './descriptor.ts';
import { isDigest } from './digest.ts';
import {
  array,
  at,
  type JsonObject,
  type JsonPlace,
  object,
  parseJson,
  string,
  stringMap,
  strings,
  withoutNulls,
  wrong,
} from './json-check.ts';
import type { ImageConfig, ImageIndex, ImageManifest } from './manifest.ts';
import { isIndexType } from './media-type.ts';

/** The longest manifest or index that is read: distribution-spec, "Pushing Manifests", asks registries for 4 MiB. */
export const longestManifest: number = 4 * 1024 * 1024;
/** The longest image configuration that is read, bytes. */
export const longestConfig: number = 16 * 1024 * 1024;

/** How a document is named in errors. */
export interface ParseDocumentOptions {
  /** Where the document comes from, e.g. `registry.example/app:1`. */
  readonly of?: string | undefined;
}

/**
 * Reads an image manifest from JSON text, bytes, or JSON parsed before; a field that is null counts as absent.
 *
 * An image without layers is read, though the JSON schema of the spec asks for one: `FROM scratch` with an `ENV`
 * makes such images.
 * @throws MabuildError `INVALID_MANIFEST`, with the path of the field.
 */
export function parseImageManifest(input: unknown, options: ParseDocumentOptions = {}): ImageManifest {
  const place = documentPlace('image manifest', 'INVALID_MANIFEST', options);
  const fields = manifestFields(input, place);
  if (fields.manifests !== undefined) {
    throw wrong(
      at(place, 'manifests'),
      'has no place in an image manifest',
      'this is an index, or made to mislead',
    );
  }
  const layers = fields.layers ?? (Object.hasOwn(fields, 'layers') ? [] : undefined);
  return {
    ...withoutNulls(fields),
    config: descriptorAt(fields.config, at(place, 'config')),
    layers: array(layers, at(place, 'layers')).map((layer, index) =>
      descriptorAt(layer, at(at(place, 'layers'), index)),
    ),
    ...subjectOf(fields, place),
  } as unknown as ImageManifest;
}

/**
 * Reads an image index or manifest list from JSON text, bytes, or JSON parsed before; null counts as absent.
 * @throws MabuildError `INVALID_INDEX`, with the path of the field.
 */
export function parseImageIndex(input: unknown, options: ParseDocumentOptions = {}): ImageIndex {
  const place = documentPlace('image index', 'INVALID_INDEX', options);
  const fields = manifestFields(input, place);
  for (const name of ['config', 'layers']) {
    if (fields[name] !== undefined) {
      throw wrong(
        at(place, name),
        'has no place in an index',
        'this is an image manifest, or made to mislead',
      );
    }
  }
  const manifests = fields.manifests ?? (Object.hasOwn(fields, 'manifests') ? [] : undefined);
  return {
    ...withoutNulls(fields),
    manifests: array(manifests, at(place, 'manifests')).map((entry, index) =>
      descriptorAt(entry, at(at(place, 'manifests'), index)),
    ),
    ...subjectOf(fields, place),
  } as unknown as ImageIndex;
}

/**
 * Reads an image configuration from JSON text, bytes, or JSON parsed before. Unknown fields stay.
 * @throws MabuildError `INVALID_CONFIG`, with the path of the field.
 */
export function parseImageConfig(input: unknown, options: ParseDocumentOptions = {}): ImageConfig {
  const place = documentPlace('image config', 'INVALID_CONFIG', options);
  const fields = withoutNulls(object(parseJson(input, place, longestConfig), place));
  platformAt(fields, place);
  for (const name of ['created', 'author']) {
    if (fields[name] !== undefined) {
      string(fields[name], at(place, name));
    }
  }
  const rootfs = withoutNulls(object(fields.rootfs, at(place, 'rootfs')));
  if (rootfs.type !== 'layers') {
    throw wrong(
      at(at(place, 'rootfs'), 'type'),
      `is ${JSON.stringify(rootfs.type) ?? 'missing'}, expected "layers"`,
    );
  }
  const diffIds = strings(rootfs.diff_ids ?? [], at(at(place, 'rootfs'), 'diff_ids'));
  for (const [index, diffId] of diffIds.entries()) {
    if (!isDigest(diffId)) {
      throw wrong(at(at(at(place, 'rootfs'), 'diff_ids'), index), 'is no digest');
    }
  }
  checkHistory(fields.history, at(place, 'history'));
  if (fields.config !== undefined) {
    checkContainerConfig(object(fields.config, at(place, 'config')), at(place, 'config'));
  }
  return { ...fields, rootfs: { ...rootfs, diff_ids: diffIds } } as unknown as ImageConfig;
}

/** What a manifest's bytes turn out to be. */
export type ParsedManifest =
  | { readonly kind: 'index'; readonly index: ImageIndex }
  | { readonly kind: 'manifest'; readonly manifest: ImageManifest };

/**
 * Reads what a registry served as a manifest, an index or an image manifest.
 * @param mediaType what the registry or the descriptor said it is; without one the document's fields decide.
 * @throws MabuildError `INVALID_INDEX`, `INVALID_MANIFEST`, or `UNSUPPORTED_MANIFEST` for Docker's schema 1.
 */
export function parseAnyManifest(
  input: unknown,
  mediaType?: string,
  options: ParseDocumentOptions = {},
): ParsedManifest {
  const place = documentPlace('manifest', 'INVALID_MANIFEST', options);
  const fields = object(parseJson(input, place, longestManifest), place);
  const isIndex =
    mediaType === undefined || mediaType === '' ? Array.isArray(fields.manifests) : isIndexType(mediaType);
  return isIndex
    ? { kind: 'index', index: parseImageIndex(fields, options) }
    : { kind: 'manifest', manifest: parseImageManifest(fields, options) };
}

function documentPlace(kind: string, code: string, options: ParseDocumentOptions): JsonPlace {
  return { document: options.of === undefined ? kind : `${kind} of ${options.of}`, code, path: '' };
}

/** What manifest and index have in common. */
function manifestFields(input: unknown, place: JsonPlace): JsonObject {
  const fields = object(parseJson(input, place, longestManifest), place);
  if (fields.schemaVersion === 1) {
    throw wrong(
      { ...place, code: 'UNSUPPORTED_MANIFEST' },
      "it is Docker's image manifest version 2, schema 1, which nothing writes any more",
      'push the image again with a current tool',
    );
  }
  if (fields.schemaVersion !== 2) {
    throw wrong(
      at(place, 'schemaVersion'),
      `is ${JSON.stringify(fields.schemaVersion) ?? 'missing'}, expected 2`,
    );
  }
  for (const name of ['mediaType', 'artifactType']) {
    if (fields[name] !== undefined && fields[name] !== null && fields[name] !== '') {
      mediaTypeAt(fields[name], at(place, name));
    }
  }
  if (fields.annotations !== undefined && fields.annotations !== null) {
    stringMap(fields.annotations, at(place, 'annotations'));
  }
  return fields;
}

function subjectOf(fields: JsonObject, place: JsonPlace): { readonly subject?: Descriptor } {
  const { subject } = fields;
  return subject === undefined || subject === null
    ? {}
    : { subject: descriptorAt(subject, at(place, 'subject')) };
}

function checkHistory(value: unknown, place: JsonPlace): void {
  if (value === undefined) {
    return;
  }
  for (const [index, item] of array(value, place).entries()) {
    const entry = withoutNulls(object(item, at(place, index)));
    for (const name of ['created', 'created_by', 'author', 'comment']) {
      if (entry[name] !== undefined) {
        string(entry[name], at(at(place, index), name));
      }
    }
    if (entry.empty_layer !== undefined && typeof entry.empty_layer !== 'boolean') {
      throw wrong(at(at(place, index), 'empty_layer'), 'is neither true nor false');
    }
  }
}

function checkContainerConfig(config: JsonObject, place: JsonPlace): void {
  const fields = withoutNulls(config);
  for (const name of ['User', 'WorkingDir', 'StopSignal']) {
    if (fields[name] !== undefined) {
      string(fields[name], at(place, name));
    }
  }
  for (const name of ['Env', 'Entrypoint', 'Cmd', 'Shell', 'OnBuild']) {
    if (fields[name] !== undefined) {
      strings(fields[name], at(place, name));
    }
  }
  for (const [index, variable] of ((fields.Env ?? []) as readonly string[]).entries()) {
    if (variable.indexOf('=') < 1) {
      throw wrong(at(at(place, 'Env'), index), 'is not NAME=value');
    }
  }
  for (const name of ['ExposedPorts', 'Volumes']) {
    if (fields[name] !== undefined) {
      object(fields[name], at(place, name));
    }
  }
  if (fields.Labels !== undefined) {
    stringMap(fields.Labels, at(place, 'Labels'));
  }
}
