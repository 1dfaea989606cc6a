import { realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type CallOptions, MabuildError, safeEntryPath } from '@mabuild/oci';
import type { BuildContext } from './context.ts';
import { openFolderContext } from './folder-context.ts';
import { openGitContext } from './git-context.ts';
import { isGitUrl } from './git-url.ts';
import { dockerfileNotFound, dockerfileText, readDockerfile } from './read-dockerfile.ts';
import { openTarContext } from './tar-context.ts';

export interface OpenContextOptions extends CallOptions {
  /** A folder, `-` for `stdin`, or a git URL (`URL#ref:folder`). */
  readonly spec: string;
  /** What `-` means, as context or as Dockerfile. */
  readonly stdin?: Readable | undefined;
  /**
   * The Dockerfile: relative to the working directory for a folder, else inside the context; `-` for `stdin`.
   * @default `Dockerfile` in the context
   */
  readonly dockerfile?: string | undefined;
  /** For what must be unpacked or checked out; closing the context deletes it. */
  readonly temporaryDirectory: string;
  readonly environment: {
    readonly variables: Readonly<Record<string, string | undefined>>;
    readonly workingDirectory: string;
  };
}

export interface OpenedContext {
  readonly context: BuildContext;
  /** Where the context's files are. */
  readonly directory: string;
  readonly dockerfile: {
    readonly text: string;
    /** As the user knows it. */
    readonly name: string;
  };
}

/**
 * Opens what a user names as context, and reads its Dockerfile; `<Dockerfile>.dockerignore` wins over `.dockerignore`.
 *
 * @throws MabuildError `CONTEXT_NOT_FOUND`, `DOCKERFILE_NOT_FOUND`, `CONTEXT_ARCHIVE_INVALID`, `GIT_FAILED`,
 *   `GIT_NOT_FOUND`, `DOCKERIGNORE_INVALID`, `USAGE` for standard input that is wanted twice
 */
export async function openContext(options: OpenContextOptions): Promise<OpenedContext> {
  const { spec } = options;
  if (spec === '-') return openStream(options);
  const folder = resolve(options.environment.workingDirectory, spec);
  // As docker does: a folder of that name comes first.
  if (!(await isFolder(folder))) {
    if (isGitUrl(spec)) return openRepository(options);
    if (/^https?:\/\//.test(spec)) throw noGitUrl();
  }
  return openFolder(folder, options);
}

async function openFolder(directory: string, options: OpenContextOptions): Promise<OpenedContext> {
  const { spec, dockerfile, environment, signal } = options;
  if (dockerfile === '-') {
    const context = await openFolderContext(directory, { signal });
    return closingOnError(context, async () => ({
      ...{ context, directory },
      dockerfile: { text: await readStdin(options), name: 'Dockerfile' },
    }));
  }
  const file =
    dockerfile === undefined
      ? join(directory, 'Dockerfile')
      : resolve(environment.workingDirectory, dockerfile);
  const context = await openFolderContext(directory, { dockerfile: file, signal });
  return closingOnError(context, async () => {
    const name = dockerfile ?? 'Dockerfile';
    return {
      context,
      directory,
      dockerfile: {
        text: await readDockerfile(file, dockerfile ?? join(spec, name), {
          directory,
          spec,
          given: dockerfile,
        }),
        name,
      },
    };
  });
}

async function openStream(options: OpenContextOptions): Promise<OpenedContext> {
  const { dockerfile, temporaryDirectory, signal } = options;
  if (dockerfile === '-') {
    throw new MabuildError('standard input cannot be both the context and the Dockerfile', {
      code: 'USAGE',
      hint: 'put the Dockerfile into the tar, or name a folder as context',
    });
  }
  const name = dockerfile ?? 'Dockerfile';
  const path = pathInside(name);
  const stdin = stdinOf(options);
  const opened = await openTarContext(stdin, { temporaryDirectory, dockerfile: path, signal });
  const { context, directory, dockerfileText } = opened;
  return closingOnError(context, async () => {
    if (dockerfileText !== undefined && dockerfile !== undefined) {
      throw new MabuildError(`standard input is a Dockerfile, and -f names ${dockerfile}`, {
        code: 'USAGE',
        hint: 'leave out -f, or pipe a tar that holds the file',
      });
    }
    const read = dockerfileText ?? (await readInside(directory, path, name));
    return { context, directory, dockerfile: { text: read, name } };
  });
}

async function openRepository(options: OpenContextOptions): Promise<OpenedContext> {
  const { spec, temporaryDirectory, environment, signal } = options;
  const fromStdin = options.dockerfile === '-';
  const name = fromStdin ? 'Dockerfile' : (options.dockerfile ?? 'Dockerfile');
  const path = pathInside(name);
  const { context, directory } = await openGitContext(spec, {
    ...{ temporaryDirectory, dockerfile: path, signal },
    variables: environment.variables,
  });
  return closingOnError(context, async () => {
    const read = fromStdin ? await readStdin(options) : await readInside(directory, path, name);
    return { context, directory, dockerfile: { text: read, name } };
  });
}

async function closingOnError<T>(context: BuildContext, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    await context.close();
    throw error;
  }
}

function stdinOf({ stdin }: OpenContextOptions): Readable {
  if (stdin !== undefined) return stdin;
  throw new MabuildError('`-` means standard input, and none was given', {
    code: 'USAGE',
    hint: 'give a stream as `stdin`',
  });
}

async function readStdin(options: OpenContextOptions): Promise<string> {
  const stdin = stdinOf(options);
  const abort = (): void => void stdin.destroy(options.signal?.reason);
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    options.signal?.throwIfAborted();
    return dockerfileText(await buffer(stdin), 'standard input');
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function pathInside(name: string): string {
  try {
    return safeEntryPath(name);
  } catch (cause) {
    throw new MabuildError(`${name} lies outside of the build context`, {
      code: 'DOCKERFILE_NOT_FOUND',
      hint: 'with `-` or a git URL, -f names a file inside the context',
      cause,
    });
  }
}

/** Reads a file of somebody else's making: a link in its path must not lead out of the folder. */
async function readInside(directory: string, path: string, name: string): Promise<string> {
  const root = await realpath(directory);
  const file = await realpath(join(root, path)).catch(async (error: unknown) => {
    throw await dockerfileNotFound(name, error);
  });
  if (!file.startsWith(root + sep)) throw await dockerfileNotFound(name, undefined);
  return readDockerfile(file, name);
}

function noGitUrl(): MabuildError {
  return new MabuildError(
    'the build context is a URL, but none of a git repository: its path does not end in .git',
    {
      code: 'CONTEXT_NOT_FOUND',
      hint: 'pipe an archive into `mabuild build -`, e.g. with curl',
    },
  );
}
