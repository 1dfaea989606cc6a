import { formatPlatform } from '@mabuild/oci';
import type { EngineBuild } from '../engine.ts';

/** What `POST /build` is asked by either builder; a daemon without a bridge runs steps on the host's network. */
export function buildQuery(
  build: EngineBuild,
  options: { readonly hasBridge: boolean },
): Record<string, string | number | boolean | readonly string[] | undefined> {
  const { hosts = [], shmSize, ulimits = [] } = build.settings ?? {};
  return {
    platform: formatPlatform(build.platform),
    buildargs: JSON.stringify(build.buildArgs),
    labels: JSON.stringify(build.labels),
    target: build.target,
    nocache: build.noCache || undefined,
    pull: build.pull || undefined,
    extrahosts: hosts.map(({ name, address }) => `${name}:${address}`),
    shmsize: shmSize,
    ulimits:
      ulimits.length === 0
        ? undefined
        : JSON.stringify(ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard }))),
    networkmode: build.network === 'default' && !options.hasBridge ? 'host' : build.network,
  };
}
