import { join } from 'node:path';
import type { BuildEvent } from '@mabuild/core';
import {
  copyImage,
  formatReference,
  type ImageSource,
  MabuildError,
  openDockerArchive,
  openLayout,
  openOciArchive,
  type PushEvent,
  referenceName,
  verifyImage,
} from '@mabuild/oci';
import type { Published } from './publish.ts';
import { parseTag } from './publish.ts';
import { type SdkOptions, withToolbox } from './toolbox.ts';
import { verificationFailed } from './verification.ts';

export interface PushRequest {
  /** `oci:DIR[:TAG]`, `oci-archive:FILE`, `docker-archive:FILE`. */
  readonly source: string;
  /** Reference to write. */
  readonly destination: string;
  /** @default true */
  readonly verify?: boolean | undefined;
}

/**
 * Pushes an image that lies in a layout or an archive; what is not what it says is not published.
 * @throws MabuildError `INVALID_SOURCE`, `VERIFICATION_FAILED`, `REGISTRY_…`
 */
export async function pushImage(
  request: PushRequest,
  options: SdkOptions & { readonly onEvent?: ((event: BuildEvent | PushEvent) => void) | undefined } = {},
): Promise<Published> {
  const reference = parseTag(request.destination);
  return withToolbox(options, async (toolbox) => {
  const source = await openSource(request.source, toolbox.environment.workingDirectory, options);
  if (request.verify ?? true) {
    const report = await verifyImage(source, { signal: options.signal });
    if (!report.ok) throw verificationFailed(request.source, report);
  }
  const sink = (await toolbox.registry()).sink(reference);
  const tag = reference.tag ?? 'latest';
  await copyImage(source, sink, { tags: [tag], jobs: 16, signal: options.signal, onEvent: options.onEvent });
  return { reference: formatReference({ ...reference, tag }), digest: source.root.digest };
  });
}
