import { type OpenedContext, openContext } from '@mabuild/core';
import type { CallOptions } from '@mabuild/oci';
import type { Environment } from '../environment.ts';
import type { BuildRequest } from './build-request.ts';

export interface OpenRequestContextOptions extends CallOptions {
  readonly environment: Environment;
  /** For what must be unpacked; the caller deletes it. */
  readonly temporaryDirectory: string;
}

/**
 * Opens the context of a request and reads its Dockerfile.
 * @throws MabuildError what {@link openContext} throws
 */
export async function openRequestContext(
  request: BuildRequest,
  options: OpenRequestContextOptions,
): Promise<OpenedContext> {
  return openContext({
    spec: request.context ?? '.',
    stdin: request.stdin,
    dockerfile: request.file,
    ...options,
  });
}
