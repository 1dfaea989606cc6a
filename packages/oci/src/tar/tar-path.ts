import { MabuildError } from '../error.ts';

/**
 * The plain form of a path inside an archive: `./a//b/` is `a/b`, the root itself is empty.
 * @throws MabuildError `UNSAFE_PATH` when it is absolute, climbs out with `..`, or holds a NUL.
 */
export function safeEntryPath(name: string): string {
  if (name.startsWith('/') || name.includes('\0')) {
    throw unsafe(name);
  }
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) throw unsafe(name);
    } else if (part !== '' && part !== '.') {
      parts.push(part);
    }
  }
  return parts.join('/');
}

function unsafe(name: string): MabuildError {
  const shown = JSON.stringify(name.length > 160 ? `${name.slice(0, 160)}…` : name);
  return new MabuildError(`reading an archive: the path ${shown} leads out of it`, {
    code: 'UNSAFE_PATH',
    hint: 'the archive is damaged or made to mislead; save the image again',
  });
}
