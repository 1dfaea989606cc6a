import type { Descriptor } from '../descriptor.ts';
import { configPlatform, type ImageConfig } from '../manifest.ts';
import { isConfigType, isLayerType } from '../media-type.ts';
import { parseImageConfig } from '../parse-manifest.ts';
import { normalizePlatform } from '../platform.ts';
import { attempt, isProblem } from './content-problem.ts';
import { type Child, nameOf, read, type Verification } from './image-manifests.ts';
import { judgeImage } from './judge-image.ts';
import type { VerifyNote } from './verdict.ts';
import { scanLayers } from './verify-layers.ts';
import { failure, type VerifiedImage } from './verify-report.ts';

/** OCI image-spec, "Pre-Defined Annotation Keys": what an image is based on. */
export const baseNameAnnotation = 'org.opencontainers.image.base.name';
export const baseDigestAnnotation = 'org.opencontainers.image.base.digest';

/** The same image under several names is judged once. */
export function verifyOnce(run: Verification, child: Child): Promise<VerifiedImage> {
  const entry = child.platform === undefined ? '' : nameOf(child.platform);
  const { [baseDigestAnnotation]: digest = '', [baseNameAnnotation]: name = '' } = child.annotations;
  return run.shared.once([child.descriptor.digest, entry, digest, name].join(' '), () =>
    verifyChild(run, child),
  );
}

async function verifyChild(run: Verification, child: Child): Promise<VerifiedImage> {
  const { descriptor, content, annotations } = child;
  const entryName = child.platform === undefined ? 'unknown' : nameOf(child.platform);
  if (isProblem(content)) {
    return failure(entryName, descriptor.digest, content);
  }
  if (!isConfigType(content.config.mediaType)) {
    return artifact(entryName, descriptor, content.artifactType ?? content.config.mediaType);
  }
  const config = await attempt(content.config, async () => {
    const bytes = await read(run, content.config);
    if (!content.layers.some(({ mediaType }) => isLayerType(mediaType)) && !statesPlatform(bytes)) {
      return { artifact: content.layers[0]?.mediaType ?? content.config.mediaType };
    }
    return parseImageConfig(bytes, { of: descriptor.digest });
  });
  if (isProblem(config)) {
    return failure(entryName, descriptor.digest, config);
  }
  if (!isConfig(config)) {
    return artifact(entryName, descriptor, config.artifact);
  }
  const platform = child.platform ?? configPlatform(config);
  if (platform.os === '' || platform.architecture === '') {
    const expected = 'os and architecture';
    return failure(entryName, descriptor.digest, { kind: 'config-platform', found: 'no platform', expected });
  }
  const found = await run.options.baseOf?.({ platform: normalizePlatform(platform), annotations });
  const base = new Set([...run.base, ...(found?.layers ?? [])]);
  const own = await scanLayers(run, content.layers, base, (layer) => !base.has(layer.digest));
  let verdict = judgeImage({ platform: child.platform, config, layers: own.layers });
  let missing = own.problems;
  if (verdict.needsBase) {
    const all = await scanLayers(run, content.layers, base, () => true);
    verdict = judgeImage({ platform: child.platform, config, layers: all.layers });
    missing = all.problems;
  }
  // A layer that failed to be read is told once, with the reason that reading it gave.
  const told = new Set(missing.map(({ layer }) => layer));
  const problems = [
    ...missing,
    ...verdict.problems.filter((one) => one.kind !== 'unverified' || !told.has(one.layer)),
  ];
  const notes = found?.note === undefined ? verdict.notes : [found.note, ...verdict.notes];
  return {
    platform: nameOf(platform),
    digest: descriptor.digest,
    ok: problems.length === 0,
    problems,
    notes,
  };
}

function artifact(platform: string, { digest }: Descriptor, found: string): VerifiedImage {
  const note: VerifyNote = { kind: 'not-judged', found, why: 'an artifact, no image' };
  return { platform, digest, ok: true, artifact: true, problems: [], notes: [note] };
}

function isConfig(config: ImageConfig | { readonly artifact: string }): config is ImageConfig {
  return 'rootfs' in config;
}

/** Signatures and attestations borrow the media type of configs, with nothing in them. */
function statesPlatform(config: Buffer): boolean {
  try {
    const fields: unknown = JSON.parse(config.toString('utf8'));
    return (
      typeof fields !== 'object' || fields === null || Object.values(platformFields(fields)).some(Boolean)
    );
  } catch {
    return true;
  }
}

function platformFields({
  os,
  architecture,
}: {
  readonly os?: unknown;
  readonly architecture?: unknown;
}): object {
  return { os, architecture };
}
