import { resolve } from 'node:path';
import { MabuildError } from '@mabuild/oci';
import { unwritable } from '../../file-error.ts';

/** Where a build's images go. */
export type Output =
  /** To the registries of the tags; by digest alone when `byDigest`. */
  | { readonly type: 'push'; readonly byDigest?: boolean }
  /** Into the engine. */
  | { readonly type: 'load' }
  | { readonly type: 'oci'; readonly path: string }
  | { readonly type: 'oci-archive'; readonly path: string }
  | { readonly type: 'docker-archive'; readonly path: string }
  /** The files of the final stage, a folder per platform when there are several. */
  | { readonly type: 'local'; readonly path: string }
  | { readonly type: 'tar'; readonly path: string };

const types = ['oci', 'oci-archive', 'docker-archive', 'local', 'tar'] as const;

/**
 * Reads `oci:DIR` or docker's `type=oci,dest=DIR`.
 *
 * docker's `type=oci` and `type=docker` with a file are archives; `type=oci,tar=false` is a folder; a bare path is
 * `type=local`, as docker has it.
 * @throws MabuildError `INVALID_OUTPUT`; standard output, `-`, is the answer's and takes no files
 */
export function parseOutput(text: string): Output {
  if (/^type=|,type=/.test(text)) return dockerOutput(text);
  if (/(?:^|:)-$/.test(text)) throw invalidOutput(text);
  const colon = text.indexOf(':');
  const type = types.find((name) => name === text.slice(0, colon));
  if (type && text.length > colon + 1) return { type, path: text.slice(colon + 1) };
  if (colon < 0 && text !== '') return folderOf(text);
  throw invalidOutput(text);
}

/** A bare path is a folder of files, as with docker; what looks like something else is more likely meant as that. */
function folderOf(path: string): Output {
  const isKind = types.some((name) => name === path) || path === 'docker';
  const isFile = /\.(?:tar|tgz|tar\.(?:gz|zst))$/i.test(path);
  if (!isKind && !isFile) return { type: 'local', path };
  throw new MabuildError(
    isKind ? `--output ${path} names no place` : `--output ${path} would make a folder of that name`,
    {
      code: 'INVALID_OUTPUT',
      hint: isKind
        ? `write ${path === 'docker' ? 'docker-archive' : path}:PATH; a folder of that name is local:${path}`
        : `an image in a file is oci-archive:${path} or docker-archive:${path}, its files are tar:${path}; a folder is local:${path}`,
    },
  );
}

function dockerOutput(text: string): Output {
  const fields = new Map<string, string>();
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    if (equals < 1) throw invalidOutput(text);
    fields.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1));
  }
  const path = fields.get('dest');
  if (path === '-') throw invalidOutput(text);
  switch (fields.get('type')) {
    case 'registry':
      return { type: 'push' };
    case 'image':
      if (fields.get('push') === 'true')
        return { type: 'push', byDigest: fields.get('push-by-digest') === 'true' };
      return { type: 'load' };
    case 'docker':
      return path === undefined ? { type: 'load' } : { type: 'docker-archive', path };
    case 'oci':
      if (path !== undefined) return { type: fields.get('tar') === 'false' ? 'oci' : 'oci-archive', path };
      break;
    case 'local':
    case 'tar':
      if (path !== undefined) return { type: fields.get('type') as 'local' | 'tar', path };
  }
  throw invalidOutput(text);
}

/** An output whose path is taken from a folder. */
export function outputIn(output: Output, folder: string): Output {
  return 'path' in output ? { ...output, path: resolve(folder, output.path) } : output;
}

/** What writing an output failed with, as an error that names the path when the file system refused. */
export function outputFailure(output: Output | undefined, error: unknown): unknown {
  const refused = error instanceof Error && !(error instanceof MabuildError) && 'syscall' in error;
  if (!refused || !output || !('path' in output)) return error;
  return unwritable(`${output.type}:${output.path}`, error);
}

function invalidOutput(text: string): MabuildError {
  return new MabuildError(`${JSON.stringify(text)} is no output`, {
    code: 'INVALID_OUTPUT',
    hint: 'use oci:DIR, oci-archive:FILE, docker-archive:FILE, local:DIR or tar:FILE',
  });
}
