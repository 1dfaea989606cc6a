import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type BuildContext, openFolderContext } from '@mabuild/core';
import { type CallOptions, MabuildError } from '@mabuild/oci';
import type { BuildRequest } from './build-request.ts';
import type { Environment } from './environment.ts';

export interface OpenedContext {
  readonly context: BuildContext;
  readonly dockerfile: {
    readonly text: string;
    /** As the user knows it. */
    readonly name: string;
  };
}

export interface OpenContextOptions extends CallOptions {
  readonly environment: Environment;
  /** For what must be unpacked; the caller deletes it. */
  readonly temporaryDirectory: string;
}

/**
 * Opens the context of a request and reads its Dockerfile, which may lie outside of the context.
 * @throws MabuildError `CONTEXT_NOT_FOUND`, `DOCKERFILE_NOT_FOUND`
 */
export async function openRequestContext(
  request: BuildRequest,
  options: OpenContextOptions,
): Promise<OpenedContext> {
  const { environment, signal } = options;
  const directory = resolve(environment.workingDirectory, request.context ?? '.');
  const file =
    request.file === undefined
      ? join(directory, 'Dockerfile')
      : resolve(environment.workingDirectory, request.file);
  const context = await openFolderContext(directory, { dockerfile: file, signal });
  const text = await readDockerfile(file, request.file ?? join(request.context ?? '.', 'Dockerfile'));
  return { context, dockerfile: { text, name: request.file ?? basename(file) } };
}

async function readDockerfile(file: string, name: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new MabuildError(
      `reading ${name}: ${missing ? 'there is no such file' : (error as Error).message}`,
      {
        code: 'DOCKERFILE_NOT_FOUND',
        hint: 'name it with -f, or the folder that holds it as context',
        cause: error,
      },
    );
  }
}
