import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { BuildEvent } from '@mabuild/core';
import {
  type CallOptions,
  formatReference,
  type ImageSource,
  MabuildError,
  openDockerArchive,
  openLayout,
  openOciArchive,
  type PushEvent,
  verifyImage,
} from '@mabuild/oci';
import { openEngineImage } from './engine-source.ts';
import { type Published, parseTag, pushImageTo } from './publish.ts';
import { type SdkOptions, type Toolbox, withToolbox } from './toolbox.ts';
import { verificationFailed } from './verification.ts';

export interface PushRequest {
  /** `oci:DIR[:TAG]`, `oci-archive:FILE`, `docker-archive:FILE`, or `docker:IMAGE` for an image of the engine. */
  readonly source: string;
  /** Reference to write. */
  readonly destination: string;
  /** @default true */
  readonly verify?: boolean | undefined;
}

/**
 * Pushes an image that lies in a layout, an archive or the engine; what is not what it says is not published.
 * @throws MabuildError `INVALID_SOURCE`, `IMAGE_NOT_FOUND`, `VERIFICATION_FAILED`, `REGISTRY_…`
 */
export async function pushImage(
  request: PushRequest,
  options: SdkOptions & { readonly onEvent?: ((event: BuildEvent | PushEvent) => void) | undefined } = {},
): Promise<Published> {
  const reference = parseTag(request.destination);
  return withToolbox(options, async (toolbox) => {
    const { environment } = toolbox;
    const directory = join(environment.temporaryDirectory, `mabuild-${randomBytes(6).toString('hex')}`);
    try {
      const source = await openSource(request.source, directory, toolbox, options);
      if (request.verify ?? true) {
        const report = await verifyImage(source, { signal: options.signal });
        if (!report.ok) throw verificationFailed(request.source, report);
      }
      const tag = reference.tag ?? 'latest';
      await pushImageTo(reference, { root: source.root, source }, [tag], {
        registry: await toolbox.registry(),
        memory: toolbox.memory,
        jobs: 16,
        signal: options.signal,
        onEvent: options.onEvent,
      });
      return { reference: formatReference({ ...reference, tag }), digest: source.root.digest };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
}

async function openSource(
  text: string,
  temporaryDirectory: string,
  { environment, openEngine }: Toolbox,
  options: CallOptions,
): Promise<ImageSource> {
  const [, kind, rest] = /^([a-z-]+):(.+)$/.exec(text) ?? [];
  const { signal } = options;
  const path = (name: string): string => resolve(environment.workingDirectory, name);
  switch (kind) {
    case 'oci': {
      const colon = rest?.lastIndexOf(':') ?? -1;
      const tagged = colon > (rest?.lastIndexOf('/') ?? -1);
      return openLayout(path(tagged ? rest!.slice(0, colon) : rest!), {
        tag: tagged ? rest!.slice(colon + 1) : undefined,
        signal,
      });
    }
    case 'oci-archive':
      return openOciArchive(path(rest!), { signal });
    case 'docker-archive':
      return openDockerArchive(path(rest!), { directory: temporaryDirectory, signal });
    case 'docker':
      return openEngineImage(await openEngine(), rest!, { directory: temporaryDirectory, signal });
    default:
      throw new MabuildError(`${JSON.stringify(text)} is no source`, {
        code: 'INVALID_SOURCE',
        hint: 'use oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE or docker:IMAGE',
      });
  }
}
