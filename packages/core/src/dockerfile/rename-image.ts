import { familiarReference, type ImageReference } from '@mabuild/oci';
import { replacePieces } from './edit.ts';
import type { ImageUse } from './image-uses.ts';
import type { Dockerfile, Range, TextEdit } from './model.ts';
import { type ExpandedWord, editExpanded } from './scope.ts';
import { isLiteral } from './words.ts';

export interface RenameOptions {
  /** Change the ARG default that the name comes from, where there is one place to change. */
  readonly throughArgs: boolean;
}

/** Edits that give an image another name; what both names share stays as it is written. */
export function renameImage(
  dockerfile: Dockerfile,
  use: ImageUse,
  name: string,
  options: RenameOptions,
): readonly TextEdit[] {
  const { expanded } = use.base;
  if (name === use.base.name) return [];
  const added = expanded && insertion(expanded, use.base.name, name);
  if (added) return added;
  if (expanded && (options.throughArgs || !expanded.word.raw.includes('$'))) {
    const { start, end, newText } = difference(use.base.name, name);
    const edits = editExpanded(expanded, start, end, newText);
    if (edits) return edits;
  }
  if (expanded && expanded.word.pieces.length > 0) return replaceAll(expanded.word.pieces, name);
  return renameQuoted(dockerfile, use, name);
}

/** What is put in front of a variable stands in the word itself: `x:arm64v8-${VERSION}`, whatever else the version is for. */
function insertion(expanded: ExpandedWord, from: string, to: string): readonly TextEdit[] | undefined {
  let at = 0;
  while (at < from.length && from[at] === to[at]) at += 1;
  const isAfterLiteral = expanded.expansion.segments.some((item, index, all) => {
    return item.end === at && isLiteral(item) && all[index + 1]?.variable !== undefined;
  });
  if (!isAfterLiteral || !to.endsWith(from.slice(at))) return undefined;
  return editExpanded(expanded, at, at, to.slice(at, to.length - (from.length - at)));
}

/** A new name as the user would write it: a tag that was left out stays out, a `docker.io/` stays in. */
export function nameAsWritten(use: Pick<ImageUse, 'base'>, to: ImageReference): string {
  const { name } = use.base;
  const { tag, ...untagged } = to;
  const written = /:[^/@]*(?:@|$)/.test(name);
  // A reference without tag and digest would be read as latest; that is what it means here.
  const familiar = familiarReference(!written && tag === 'latest' ? untagged : to);
  const host = /^(?:index\.)?docker\.io\//.exec(name)?.[0];
  return host && to.registry === 'docker.io' && !familiar.startsWith('docker.io/')
    ? host + familiar
    : familiar;
}

function replaceAll(pieces: readonly Range[], newText: string): readonly TextEdit[] {
  return replacePieces(pieces, newText);
}

/** A name inside a quoted flag: found again in the flag's own text. */
function renameQuoted(dockerfile: Dockerfile, use: ImageUse, name: string): readonly TextEdit[] {
  const { start, end } = use.flag?.range ?? use.range;
  const source = dockerfile.text.slice(start, end);
  const found = source.lastIndexOf(use.base.name);
  if (found < 0) return [];
  return [{ start: start + found, end: start + found + use.base.name.length, newText: name }];
}

/** The part of a name that changes, cut at `/`, `:` and `@` so that people can read it. */
function difference(from: string, to: string): TextEdit {
  const a = parts(from);
  const b = parts(to);
  const shorter = Math.min(a.length, b.length);
  let head = 0;
  while (head < shorter && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const start = a.slice(0, head).join('').length;
  const end = from.length - a.slice(a.length - tail).join('').length;
  return { start, end: Math.max(start, end), newText: b.slice(head, b.length - tail).join('') };
}

function parts(name: string): readonly string[] {
  return name.split(/([/:@])/).filter((part) => part !== '');
}
