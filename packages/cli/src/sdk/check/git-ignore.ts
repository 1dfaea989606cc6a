import { readFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { isThere } from '../is-there.ts';

/** The patterns of one folder, and of those above it: what is deeper wins. */
export interface IgnoreRules {
  readonly directory: string;
  readonly patterns: { test(path: string): { readonly ignored: boolean; readonly unignored: boolean } };
  readonly above: IgnoreRules | undefined;
}

/**
 * What git ignores in a folder because of its repository: `.git/info/exclude`, and `.gitignore` in the folders above.
 *
 * @returns `undefined` outside of a repository
 */
export async function inheritedRules(directory: string): Promise<IgnoreRules | undefined> {
  const folders: string[] = [];
  for (let folder = directory; ; folder = dirname(folder)) {
    if (await isThere(join(folder, '.git'))) {
      let rules = withPatterns(folder, await read(join(folder, '.git/info/exclude')), undefined);
      for (const inner of [folder, ...folders.reverse()].filter((item) => item !== directory)) {
        rules = await folderRules(inner, rules);
      }
      return rules;
    }
    if (folder === dirname(folder)) return undefined;
    folders.push(folder);
  }
}

/** Adds what the `.gitignore` of a folder says. */
export async function folderRules(
  directory: string,
  above: IgnoreRules | undefined,
): Promise<IgnoreRules | undefined> {
  return withPatterns(directory, await read(join(directory, '.gitignore')), above);
}

/** Tells whether git leaves a file or folder out; its folder is one that git does not leave out. */
export function isIgnored(path: string, isFolder: boolean, rules: IgnoreRules | undefined): boolean {
  for (let level = rules; level; level = level.above) {
    const inside = relative(level.directory, path).split(sep).join('/');
    const { ignored, unignored } = level.patterns.test(isFolder ? `${inside}/` : inside);
    if (unignored) return false;
    if (!ignored) continue;
    // A pattern that is about a folder above was overruled below, or nobody would be here.
    const slash = inside.lastIndexOf('/');
    if (slash < 0 || !level.patterns.test(inside.slice(0, slash + 1)).ignored) return true;
  }
  return false;
}

function withPatterns(
  directory: string,
  text: string | undefined,
  above: IgnoreRules | undefined,
): IgnoreRules | undefined {
  if (!text || !/^[^#\s]/m.test(text)) return above;
  const patterns: Ignore = ignore({ ignorecase: false, allowRelativePaths: true }).add(text);
  return { directory, patterns, above };
}

async function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
