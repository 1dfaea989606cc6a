import type { BuildEvent } from '@mabuild/core';
import { formatReference, type PushEvent, verifyImage } from '@mabuild/oci';
import { type Published, parseTag, pushImageTo } from '../build/publish.ts';
import { verificationFailed } from '../build/verification.ts';
import { type SdkOptions, withToolbox } from '../toolbox.ts';
import { parseLocalLocation } from './image-location.ts';
import { withLocations } from './locations.ts';

export interface PushRequest {
  /** `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE`, or `docker:IMAGE` for an image of the engine. */
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
  const location = parseLocalLocation(request.source);
  return withToolbox(options, (toolbox) =>
    withLocations(toolbox, options, async (locations) => {
      const source = await locations.open(location);
      if (request.verify ?? true) {
        const report = await verifyImage(source, { signal: options.signal });
        if (!report.ok) throw verificationFailed(request.source, report);
      }
      const tag = reference.tag ?? 'latest';
      await pushImageTo(reference, { root: source.root, source }, [tag], {
        registry: await locations.registry(),
        memory: toolbox.memory,
        jobs: 16,
        signal: options.signal,
        onEvent: options.onEvent,
      });
      return { reference: formatReference({ ...reference, tag }), digest: source.root.digest };
    }),
  );
}
