import type { CacheMode } from '@mabuild/core';
import { isMabuildError, MabuildError } from '@mabuild/oci';
import { parseImageName } from '../images/references.ts';

/** Where a build cache is kept besides this machine's own. */
export type CachePlaceSpec =
  | { readonly type: 'registry'; readonly reference: string }
  /** A folder that is an OCI layout. */
  | { readonly type: 'local'; readonly path: string; readonly tag: string };

/** What `--cache-from` names. */
export type CacheFrom = CachePlaceSpec;

/** What `--cache-to` names: a place, or with `inline` the image itself, which BuildKit alone can do. */
export type CacheTo = KeptCache | { readonly type: 'inline' };

/** A cache that is written besides the image. */
export type KeptCache = CachePlaceSpec & {
  /** Layers of the image only, or those of all steps. @default 'min', and a warning when that leaves some out */
  readonly mode?: CacheMode | undefined;
  /** A cache that cannot be written is only told of. */
  readonly ignoreError: boolean;
};

type Flag = '--cache-from' | '--cache-to';

const fieldsOf: Readonly<Record<Flag, Readonly<Record<string, readonly string[]>>>> = {
  '--cache-from': { registry: ['ref'], local: ['src', 'tag'] },
  '--cache-to': {
    registry: ['ref', 'mode', 'ignore-error', 'oci-mediatypes', 'image-manifest', 'compression'],
    local: ['dest', 'tag', 'mode', 'ignore-error', 'oci-mediatypes', 'image-manifest', 'compression'],
  },
};
/** What is so anyway. */
const given: Readonly<Record<string, string>> = {
  'oci-mediatypes': 'true',
  'image-manifest': 'true',
  compression: 'gzip',
};
const defaultTag = 'latest';

/**
 * Reads `--cache-from`: a reference, `oci:DIR[:TAG]`, `type=registry,ref=REF` or `type=local,src=DIR[,tag=TAG]`.
 * @throws MabuildError `USAGE`
 */
export function parseCacheFrom(text: string): CacheFrom {
  return read('--cache-from', text).place;
}

/**
 * Reads `--cache-to`: the same with `dest=DIR`, `mode=min|max` and `ignore-error=true`, or `type=inline`, as buildx has
 * them.
 * @throws MabuildError `USAGE`
 */
export function parseCacheTo(text: string): CacheTo {
  if (text.trim() === 'type=inline') return { type: 'inline' };
  const { place, fields } = read('--cache-to', text);
  const { mode } = fields;
  if (mode !== undefined && mode !== 'min' && mode !== 'max')
    throw wrong('--cache-to', text, 'mode is min or max');
  const ignoreError = fields['ignore-error'] ?? 'false';
  if (!/^(?:true|false|1|0)$/.test(ignoreError))
    throw wrong('--cache-to', text, 'ignore-error is true or false');
  return { ...place, ...(mode && { mode }), ignoreError: ignoreError === 'true' || ignoreError === '1' };
}

/** As messages name it. */
export function formatCachePlace(place: CachePlaceSpec): string {
  return place.type === 'registry' ? place.reference : `oci:${place.path}:${place.tag}`;
}

/** The `--cache-to` that writes all steps there. */
export function wholeCacheFlag(place: CachePlaceSpec): string {
  if (place.type === 'registry') return `--cache-to type=registry,ref=${place.reference},mode=max`;
  const tag = place.tag === defaultTag ? '' : `,tag=${place.tag}`;
  return `--cache-to type=local,dest=${place.path}${tag},mode=max`;
}

interface Read {
  readonly place: CachePlaceSpec;
  readonly fields: Readonly<Record<string, string>>;
}

function read(flag: Flag, text: string): Read {
  const folder = /^oci:(.+?)(?::([^:/\\]+))?$/s.exec(text);
  if (folder) {
    const [, path = '', tag = defaultTag] = folder;
    return { place: { type: 'local', path, tag }, fields: {} };
  }
  if (!/^[a-z-]+=/.test(text)) return { place: registry(flag, text, text), fields: {} };
  const fields: Record<string, string> = {};
  for (const item of text.split(',')) {
    const [, name = '', value = ''] = /^([a-z-]+)=(.*)$/s.exec(item.trim()) ?? [];
    if (name === '' || Object.hasOwn(fields, name)) throw wrong(flag, text, `${item} is not NAME=VALUE`);
    fields[name] = value;
  }
  const { type = 'registry' } = fields;
  const known = Object.hasOwn(fieldsOf[flag], type) ? fieldsOf[flag][type] : undefined;
  if (!known) throw wrong(flag, text, unknownType(flag, type));
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'type') continue;
    if (!known.includes(name)) throw wrong(flag, text, `type=${type} has no ${name}`);
    if (Object.hasOwn(given, name) && value !== given[name])
      throw wrong(flag, text, `${name} is always ${given[name]}`);
  }
  const { ref, src, dest, tag = defaultTag } = fields;
  if (type === 'registry') return { place: registry(flag, text, ref ?? ''), fields };
  const path = flag === '--cache-from' ? src : dest;
  if (!path) throw wrong(flag, text, `it needs ${flag === '--cache-from' ? 'src' : 'dest'}=DIR`);
  return { place: { type: 'local', path, tag }, fields };
}

function unknownType(flag: Flag, type: string): string {
  if (type !== 'inline') return `type=${type} is not kept: there are type=registry and type=local`;
  return flag === '--cache-to'
    ? 'type=inline has nothing besides'
    : 'a cache inside of an image is read by naming the image';
}

function registry(flag: Flag, text: string, reference: string): CachePlaceSpec {
  if (reference === '') throw wrong(flag, text, 'it needs ref=REFERENCE');
  try {
    const { digest } = parseImageName(reference);
    if (digest !== undefined && flag === '--cache-to')
      throw wrong(flag, text, 'a digest cannot be written to');
  } catch (error) {
    if (isMabuildError(error) && error.code === 'USAGE') throw error;
    throw wrong(flag, text, (error as Error).message);
  }
  return { type: 'registry', reference };
}

function wrong(flag: Flag, text: string, why: string): MabuildError {
  const folder = flag === '--cache-from' ? 'src' : 'dest';
  return new MabuildError(`${flag} ${JSON.stringify(text)}: ${why}`, {
    code: 'USAGE',
    hint: `e.g. ${flag} ghcr.io/me/app:cache, ${flag} oci:DIR, ${flag} type=registry,ref=ghcr.io/me/app:cache or ${flag} type=local,${folder}=DIR`,
  });
}
