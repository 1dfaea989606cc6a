import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve, sep } from 'node:path';
import { isBakeFile, isComposeFile, isLockFile } from '@mabuild/core';
import { MabuildError } from '@mabuild/oci';
import { folderRules, type IgnoreRules, inheritedRules, isIgnored } from './git-ignore.ts';
import { unreadable } from './read-text.ts';

/** What a file is read as. */
export type FileKind = 'dockerfile' | 'compose' | 'bake' | 'lockfile';

export interface FoundFile {
  /** As the user would name it. */
  readonly path: string;
  readonly kind: FileKind;
}

const named = /^(?:docker|container)file(?:[._-].+)?$|\.(?:docker|container)file$/i;
const inside = /[._-](?:Dockerfile|Containerfile)(?:[._-].+)?$/;
/** Endings of what is about a Dockerfile, or becomes one when a template is filled in. */
const otherwise =
  /\.(?:dockerignore|j2|jinja2?|tmpl|template|tpl|gotmpl|erb|ejs|mustache|hbs|liquid|in|m4|md|mdx|rst|adoc|txt|html?|json5?|jsonc|ya?ml|toml|ini|xml|csv|lock|sum|diff|patch|rej|orig|bak|old|sw[op]|py|pyc|rb|go|rs|js|[cm]js|jsx|ts|[cm]ts|tsx|java|kt|cs|c|h|cc|cpp|hpp|php|pl|lua|vim|el|sh|bash|zsh|ps1|bat|cmd|svg|png|jpe?g|gif|pdf|gz|tgz|zip|tar)$|~$/i;
const neverEntered: ReadonlySet<string> = new Set(['.git', 'node_modules']);

/** What a file is by its name; `undefined` for those that a search passes over. */
export function kindOf(name: string): FileKind | undefined {
  if (isComposeFile(name)) return 'compose';
  if (isBakeFile(name)) return 'bake';
  if (isLockFile(name)) return 'lockfile';
  return (named.test(name) || inside.test(name)) && !otherwise.test(name) ? 'dockerfile' : undefined;
}

export interface FindOptions {
  readonly directory: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lists files, and what is worth reading in folders, in order of their names.
 *
 * A file that is named is read whatever its name; in folders what git ignores is left out, links are followed to files of
 * the same folder tree only, and lock files count only beside something that is built.
 * @throws MabuildError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `NO_DOCKERFILE`
 */
export async function findFiles(
  paths: readonly string[],
  options: FindOptions,
): Promise<readonly FoundFile[]> {
  const found = new Map<string, FoundFile>();
  for (const path of paths) {
    for (const file of await filesOf(path, options)) {
      const key = file.path === '-' ? '-' : resolve(options.directory, file.path);
      if (!found.has(key)) found.set(key, file);
    }
  }
  return [...found.values()];
}

async function filesOf(path: string, options: FindOptions): Promise<readonly FoundFile[]> {
  options.signal?.throwIfAborted();
  if (path === '-') return [{ path, kind: 'dockerfile' }];
  const whole = resolve(options.directory, path);
  const found = await stat(whole).catch((error) => {
    throw unreadable(path, error);
  });
  if (!found.isDirectory()) return [{ path, kind: kindOf(basename(path)) ?? 'dockerfile' }];
  const root = await realpath(whole);
  const walk: Walk = { ...options, root, seen: new Set() };
  const files = await walkFolder(walk, path, root, await inheritedRules(root));
  const linked = await linkedFiles(walk, files);
  if (linked.some(({ kind }) => kind !== 'lockfile')) return linked;
  throw new MabuildError(`${path} holds no Dockerfile`, {
    code: 'NO_DOCKERFILE',
    hint: 'name the file itself when it is called otherwise',
  });
}

interface Walk extends FindOptions {
  readonly root: string;
  /** Real paths of the files that are no links. */
  readonly seen: Set<string>;
}

interface Candidate extends FoundFile {
  /** Where a link stands. */
  readonly link?: string;
}

async function walkFolder(
  walk: Walk,
  path: string,
  directory: string,
  above: IgnoreRules | undefined,
): Promise<readonly Candidate[]> {
  walk.signal?.throwIfAborted();
  const entries = await list(path, directory, directory === walk.root);
  const rules = entries.some(({ name }) => name === '.gitignore')
    ? await folderRules(directory, above)
    : above;
  const files: Candidate[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const whole = join(directory, entry.name);
    const shown = join(path, entry.name);
    if (entry.isDirectory()) {
      if (neverEntered.has(entry.name) || isIgnored(whole, true, rules)) continue;
      files.push(...(await walkFolder(walk, shown, whole, rules)));
      continue;
    }
    const kind = entry.isFile() || entry.isSymbolicLink() ? kindOf(entry.name) : undefined;
    if (!kind || isIgnored(whole, false, rules)) continue;
    if (entry.isFile()) walk.seen.add(whole);
    files.push({ path: shown, kind, ...(entry.isFile() ? {} : { link: whole }) });
  }
  return files;
}

/** A folder that cannot be read is left out, unless it is the one that was named. */
async function list(path: string, directory: string, isNamed: boolean): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (!isNamed) return [];
    throw unreadable(path, error);
  }
}

/** Without links to what lies elsewhere, is no file, or is listed already. */
async function linkedFiles(walk: Walk, files: readonly Candidate[]): Promise<readonly FoundFile[]> {
  const kept: FoundFile[] = [];
  for (const { path, kind, link } of files) {
    if (link !== undefined) {
      const target = await realpath(link).catch(() => undefined);
      if (!target?.startsWith(`${walk.root}${sep}`) || walk.seen.has(target)) continue;
      if (!(await stat(target)).isFile()) continue;
      walk.seen.add(target);
    }
    kept.push({ path, kind });
  }
  return kept;
}
