import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdir, realpath, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type CallOptions, MabuildError } from '@mabuild/oci';
import type { BuildContext } from './context.ts';
import { openFolderContext } from './folder-context.ts';
import { type GitUrl, parseGitUrl, withoutCredentials } from './git-url.ts';

export interface GitContextOptions extends CallOptions {
  /** Where the folder for the checkout is made. */
  readonly temporaryDirectory: string;
  /** The Dockerfile's path inside the context. */
  readonly dockerfile: string;
  /** Whether a .dockerignore of the repository counts. @default true */
  readonly ignores?: boolean | undefined;
  /** Keep `.git`, without what differs from one checkout to the next. @default false */
  readonly keepGitDirectory?: boolean | undefined;
  /** For git: `PATH`, `HOME`, `SSH_AUTH_SOCK`, proxies, … */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

export interface GitContext {
  readonly context: BuildContext;
  /** The wanted folder of the checkout. */
  readonly directory: string;
}

/**
 * Checks a commit out with the `git` command, submodules included, and opens a folder of it as build context, without
 * `.git` unless it is wanted. Closing the context deletes the checkout. git never asks for a password: it uses the credentials that it has.
 *
 * @throws MabuildError `USAGE`, `GIT_NOT_FOUND`, `GIT_FAILED`, `CONTEXT_NOT_FOUND`, `DOCKERIGNORE_INVALID`
 */
export async function openGitContext(spec: string, options: GitContextOptions): Promise<GitContext> {
  const url = parseGitUrl(spec);
  const checkout = join(options.temporaryDirectory, `git-${randomBytes(6).toString('hex')}`);
  const remove = (): Promise<void> => rm(checkout, { recursive: true, force: true, maxRetries: 5 });
  try {
    options.signal?.throwIfAborted();
    await mkdir(checkout, { recursive: true });
    await checkOut(url, checkout, options);
    const directory = await folderIn(checkout, url);
    const context = await openFolderContext(directory, {
      dockerfile: join(directory, options.dockerfile),
      signal: options.signal,
      ignores: options.ignores,
      unpackedInto: directory,
      onClose: remove,
    });
    return { context, directory };
  } catch (error) {
    await remove();
    options.signal?.throwIfAborted();
    throw error;
  }
}

async function checkOut(url: GitUrl, checkout: string, options: GitContextOptions): Promise<void> {
  const git = (...args: readonly string[]): Promise<void> => runGit(args, { ...options, url, checkout });
  // Without the user's templates no hook of theirs runs.
  await git('init', '--quiet', '--template=');
  await git('remote', 'add', 'origin', url.remote);
  const commit = await fetchCommit(url, git);
  await git('checkout', '--quiet', '--detach', commit);
  const hasSubmodules = await access(join(checkout, '.gitmodules')).then(
    () => true,
    () => false,
  );
  if (hasSubmodules) await git('submodule', '--quiet', 'update', '--init', '--recursive', '--depth=1');
  if (options.keepGitDirectory) await tidyGitDirectory(url, checkout, git);
  else await rm(join(checkout, '.git'), { recursive: true, force: true });
}

/** Credentials, times and numbers of inodes are no part of a repository; an index without them is refreshed by the next git. */
async function tidyGitDirectory(
  { shown }: GitUrl,
  checkout: string,
  git: (...args: readonly string[]) => Promise<void>,
): Promise<void> {
  await git('remote', 'set-url', 'origin', shown);
  for (const name of ['index', 'logs', 'FETCH_HEAD', 'ORIG_HEAD'])
    await rm(join(checkout, '.git', name), { recursive: true, force: true });
  await git('read-tree', 'HEAD');
}

/** Fetches as little as the remote allows: one commit, or everything where that cannot be asked for by its name. */
async function fetchCommit(
  { ref, shown }: GitUrl,
  git: (...args: readonly string[]) => Promise<void>,
): Promise<string> {
  const fetch = ['fetch', '--quiet', '--no-recurse-submodules'] as const;
  try {
    await git(...fetch, '--no-tags', '--depth=1', 'origin', ref ?? 'HEAD');
    return 'FETCH_HEAD';
  } catch (error) {
    const needsAll = /remote ref|not our ref|unadvertised|shallow|not allow request/i;
    if (!(error instanceof MabuildError) || !needsAll.test(error.message)) throw error;
    if (ref === undefined) throw error;
  }
  await git(...fetch, '--tags', 'origin', '+refs/heads/*:refs/remotes/origin/*');
  const commit = `${ref}^{commit}`;
  try {
    await git('rev-parse', '--quiet', '--verify', commit);
  } catch (cause) {
    if (!(cause instanceof MabuildError) || cause.code !== 'GIT_FAILED') throw cause;
    throw new MabuildError(`${shown} has no branch, tag or commit ${ref}`, {
      code: 'CONTEXT_NOT_FOUND',
      hint: 'write URL#BRANCH:FOLDER; commits that no branch or tag holds need their full hash',
    });
  }
  return commit;
}

interface GitCall extends GitContextOptions {
  readonly url: GitUrl;
  readonly checkout: string;
}

/** Variables that would lead git to another repository, as they do inside of a hook. */
const ofAnotherRepository =
  /^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR|NAMESPACE|PREFIX|ALTERNATE_.*)$/;

function gitVariables({ variables, url }: GitCall): Record<string, string | undefined> {
  const kept = Object.entries(variables).filter(([name]) => !ofAnotherRepository.test(name));
  return {
    GIT_SSH_COMMAND: variables.GIT_SSH === undefined ? 'ssh -o BatchMode=yes' : undefined,
    ...Object.fromEntries(kept),
    GIT_TERMINAL_PROMPT: '0',
    // A submodule must not reach into this machine unless the user's own URL does.
    GIT_ALLOW_PROTOCOL: url.remote.startsWith('file://') ? 'https:http:ssh:git:file' : 'https:http:ssh:git',
    LC_ALL: 'C',
  };
}

/** Bytes of git's complaints that are kept. */
const longestComplaint = 64 * 1024;

async function runGit(args: readonly string[], call: GitCall): Promise<void> {
  const { signal, checkout, url } = call;
  signal?.throwIfAborted();
  const child = spawn('git', args, {
    cwd: checkout,
    env: gitVariables(call),
    stdio: ['ignore', 'ignore', 'pipe'],
    windowsHide: true,
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (complaint.length < longestComplaint) complaint += text;
  });
  const abort = (): void => void child.kill();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
      // What git started may hold its standard error open when git itself was killed.
      child.once('exit', (status) => signal?.aborted && resolve(status));
    });
    signal?.throwIfAborted();
    if (code !== 0) throw gitFailed(args[0] ?? '', url, complaint);
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new MabuildError(`fetching ${url.shown}: there is no git command`, {
      code: 'GIT_NOT_FOUND',
      hint: 'install git, or clone the repository yourself and name the folder',
      cause: error,
    });
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function gitFailed(command: string, url: GitUrl, complaint: string): MabuildError {
  const lines = withoutCredentials(complaint)
    .split('\n')
    .filter((line) => /^(fatal|error|remote): /.test(line));
  const why = lines.slice(-2).join('; ') || withoutCredentials(complaint).trim().split('\n').at(-1);
  return new MabuildError(`fetching ${url.shown}: git ${command} failed: ${why || 'it did not say why'}`, {
    code: 'GIT_FAILED',
    hint: `does \`git ls-remote ${url.shown}\` work? git asks for no password here: use a credential helper or an ssh agent`,
  });
}

/** The wanted folder; a link in its path must not lead out of the checkout. */
async function folderIn(checkout: string, { subdirectory, shown }: GitUrl): Promise<string> {
  const root = await realpath(checkout);
  const directory = await realpath(join(root, subdirectory)).catch(() => undefined);
  if (directory === undefined || !(directory === root || directory.startsWith(root + sep))) {
    throw new MabuildError(`${shown} has no folder ${subdirectory}`, {
      code: 'CONTEXT_NOT_FOUND',
      hint: 'write URL#BRANCH:FOLDER',
    });
  }
  return directory;
}
