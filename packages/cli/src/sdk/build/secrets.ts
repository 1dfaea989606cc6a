import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { BuildSecrets } from '@mabuild/core';
import { MabuildError } from '@mabuild/oci';
import { unreadable } from '../../file-error.ts';
import type { BuildRequest, SecretSource } from './build-request.ts';
import { openAgents, type SecretsSite } from './ssh-agents.ts';

/** As BuildKit has it, bytes. */
const largestSecret = 500 * 1024;

/** What a request gives to the mounts of RUN; close it when the build is done. */
export interface OpenSecrets {
  /** `undefined` when the request gives nothing. */
  readonly secrets: BuildSecrets | undefined;
  close(): void;
}

/**
 * Looks at the secrets of a request, and reaches its SSH agents. Secrets are read when a RUN wants them, into memory.
 * @throws MabuildError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `USAGE`
 */
export async function openSecrets(
  { secrets = {}, ssh = {} }: Pick<BuildRequest, 'secrets' | 'ssh'>,
  site: SecretsSite,
): Promise<OpenSecrets> {
  const { variables, workingDirectory } = site.environment;
  const sources = new Map<string, () => Promise<Uint8Array>>();
  for (const [id, source] of Object.entries(secrets)) {
    if (id === '') throw new MabuildError('a secret has no id', { code: 'USAGE' });
    sources.set(id, await readerOf(id, source, { variables, workingDirectory }));
  }
  const agents = await openAgents(ssh, site);
  if (sources.size === 0 && agents.sockets.size === 0)
    return { secrets: undefined, close: () => agents.close() };
  return {
    secrets: {
      secret: async (id) => await sources.get(id)?.(),
      agent: (id) => agents.sockets.get(id),
    },
    close: () => agents.close(),
  };
}

async function readerOf(
  id: string,
  source: SecretSource,
  { variables, workingDirectory }: SecretsSite['environment'],
): Promise<() => Promise<Uint8Array>> {
  if ('content' in source) {
    const content = Buffer.from(source.content);
    checkSize(id, content.length);
    return async () => content;
  }
  if ('env' in source) {
    // As docker takes it: what is not set is empty.
    const content = Buffer.from(variables[source.env] ?? '');
    checkSize(id, content.length);
    return async () => content;
  }
  const path = resolve(workingDirectory, source.file);
  const stats = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (stats.isDirectory())
    throw new MabuildError(`the secret ${id} is to come from ${path}, which is a folder`, {
      code: 'USAGE',
      hint: 'name a file: --secret id=NAME,src=FILE',
    });
  checkSize(id, stats.size);
  const read = async (): Promise<Uint8Array> => {
    const content = await readFile(path).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    checkSize(id, content.length);
    return content;
  };
  let content: Promise<Uint8Array> | undefined;
  // Once: what a shell gives as `<(command)` is a pipe, and empty afterwards.
  return () => {
    content ??= read();
    return content;
  };
}

function checkSize(id: string, size: number): void {
  if (size <= largestSecret) return;
  throw new MabuildError(`the secret ${id} has ${size} bytes`, {
    code: 'USAGE',
    hint: `a secret has at most ${largestSecret} bytes; bind larger files with RUN --mount=type=bind`,
  });
}
