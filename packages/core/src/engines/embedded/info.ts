import type { Platform } from '@mabuild/oci';
import type { EngineInfo } from '../engine.ts';

/** What the embedded engine is and can. */
export function embeddedInfo(platform: Platform, foundBy: string, version: string): EngineInfo {
  return {
    kind: 'embedded',
    endpoint: 'this process',
    foundBy,
    version,
    apiVersion: 'none',
    builders: ['embedded'],
    platform,
    local: true,
    imageStore: 'graphdriver',
    mirrors: [],
    hasBridge: false,
    capabilities: { heredoc: true, link: true, runNetwork: true },
  };
}
