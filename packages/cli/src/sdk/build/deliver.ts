import type { BuiltImage } from '@mabuild/core';
import type { BuildOptions } from './build-options.ts';
import type { BuildRequest } from './build-request.ts';
import type { BuildSite } from './build-site.ts';
import type { EarlyPushOptions } from './early-push.ts';
import { exportFiles } from './export-files.ts';
import { loadImages, writeDockerArchives } from './load.ts';
import { outputIn } from './output.ts';
import { assemble, type Published, pushSuffixedTags, pushTags, writeLayout } from './publish.ts';

/** How layers are copied, whenever that is. */
export function copyingOf(
  site: BuildSite,
  { signal, onEvent }: BuildOptions,
): EarlyPushOptions & Pick<BuildOptions, 'onEvent'> {
  return { registry: site.registry, memory: site.toolbox.memory, jobs: 16, signal, onEvent };
}

/** Writes what was built to where the request wants it. */
export async function deliver(
  images: readonly BuiltImage[],
  site: BuildSite,
  request: BuildRequest,
  options: BuildOptions,
): Promise<{ readonly digest: string; readonly references: readonly Published[] }> {
  const output = outputIn(request.output ?? { type: 'load' }, site.environment.workingDirectory);
  const tags = request.tags ?? [];
  const assembly = assemble(images, {
    index: request.index ?? 'auto',
    indexType: request.indexType ?? 'oci',
    annotations: request.annotations ?? {},
  });
  const copying = { ...copyingOf(site, options), asked: site.asked };
  const digest = assembly.root.digest;
  switch (output.type) {
    case 'push': {
      const references = request.tagSuffix
        ? await pushSuffixedTags(images, tags, copying)
        : await pushTags(assembly, tags, {
            ...copying,
            early: site.early,
            byDigest: output.byDigest ?? false,
          });
      return { digest, references };
    }
    case 'oci':
    case 'oci-archive':
      await writeLayout(assembly, { ...output, type: output.type }, tags, copying);
      return { digest, references: [] };
    case 'docker-archive':
      return writeDockerArchives(images, output, tags, options);
    case 'local':
    case 'tar':
      await exportFiles(images, output, options);
      return { digest, references: [] };
    default:
      return loadImages(images, assembly, tags, {
        engine: site.engine,
        explicit: request.output !== undefined,
        ...copying,
      });
  }
}
