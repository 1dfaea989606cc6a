import { setMaxListeners } from 'node:events';
import type { ImageSource } from '../image-source.ts';
import { formatPlatform, normalizePlatform } from '../platform.ts';
import { childrenOf, nameOf, type Verification } from './image-manifests.ts';
import { verifyOnce } from './verify-manifest.ts';
import type { VerifyOptions } from './verify-options.ts';
import { reportOf, type VerifiedImage, type VerifyReport } from './verify-report.ts';
import { verifyRun } from './verify-run.ts';

/**
 * Verifies that every image of an index, or a single one, is what it says: all manifests, configs and layers are there,
 * and the platform of the entry, of the config and of the programs in the layers is the same.
 *
 * Attestations are passed over. What cannot be read is a problem, never taken for good.
 * @throws what `source.read` throws, unless it says that content is missing or damaged: that is a problem.
 */
export async function verifyImage(source: ImageSource, options: VerifyOptions = {}): Promise<VerifyReport> {
  const wanted = options.platforms?.map((platform) => formatPlatform(normalizePlatform(platform)));
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  // Every read listens to it.
  setMaxListeners(0, signal);
  const run: Verification = {
    source,
    options: { ...options, signal },
    base: new Set(options.baseLayers ?? []),
    shared: options.run ?? verifyRun(),
    indexes: { read: 0, tooMany: false },
  };
  const verifying: Promise<VerifiedImage>[] = [];
  try {
    for await (const child of childrenOf(run, { descriptor: source.root, annotations: {} }, 0)) {
      if (child.platform === undefined || wanted === undefined || wanted.includes(nameOf(child.platform))) {
        const image = verifyOnce(run, child);
        image.catch((error: unknown) => failed.abort(error));
        verifying.push(image);
      }
    }
    const images = await Promise.all(verifying);
    return reportOf(images, wanted);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(verifying);
    options.signal?.throwIfAborted();
    throw error;
  }
}
