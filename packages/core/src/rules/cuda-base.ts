import { familiarReference, formatPlatformList, type ImageReference, type Platform } from '@mabuild/oci';
import { armPlatforms } from './code-finding.ts';
import { imageSites, siteRange } from './image-sites.ts';
import type { Finding, Rule } from './rule.ts';

const name = 'cuda-base';

export const cudaBase: Rule = {
  name,
  summary: "The base image is NVIDIA's CUDA, which has no 32-bit ARM.",
  page: {
    why: "NVIDIA's images are for its graphics processors on x64 and, some of them, on 64-bit ARM servers or Jetson boards. 32-bit ARM has none.",
    bad: 'FROM nvidia/cuda:11.8.0-base-ubuntu22.04',
    good: 'FROM ubuntu:22.04',
    silent: ['A registry was asked and lists the platform.', 'For arm64: the image is for Jetson (l4t).'],
  },
  async check(dockerfile, context) {
    if (!/nvidia|nvcr\.io/.test(dockerfile.text)) return [];
    const arms = armPlatforms(context);
    const findings: Finding[] = [];
    for (const site of imageSites(dockerfile, context)) {
      const { reference, base } = site.use;
      if (!isCuda(reference)) continue;
      // What a registry says is told by the rules about missing platforms.
      if (await context.images.platformsOf(familiarReference(reference))) continue;
      const asked = site.platforms.filter((platform) => arms.includes(platform));
      const is64 = (platform: Platform): boolean => platform.architecture === 'arm64';
      const small = asked.filter((platform) => !is64(platform));
      const large = /\bl4t\b|\/l4t-|jetson/.test(base.name) ? [] : asked.filter(is64);
      const at = { rule: name, range: siteRange(site), fix: 'none' as const, edits: [] };
      if (small.length > 0)
        findings.push({
          ...at,
          severity: 'error',
          platforms: small,
          message: `${base.name} has no image for ${formatPlatformList(small)}`,
          hint: 'CUDA is not there for 32-bit ARM; leave these platforms out, or take a base without CUDA for them',
        });
      if (large.length > 0)
        findings.push({
          ...at,
          severity: 'warning',
          platforms: large,
          message: `${base.name} may have nothing for linux/arm64`,
          hint: 'newer tags have arm64 for servers; Jetson boards need nvcr.io/nvidia/l4t-base and its kin; check --online asks the registry',
        });
    }
    return findings;
  },
};

function isCuda({ registry, repository }: ImageReference): boolean {
  return (
    registry === 'nvcr.io' ||
    (registry === 'docker.io' && /^nvidia\/(?:cuda|cudagl|opengl|vulkan|tensorrt)/.test(repository))
  );
}
