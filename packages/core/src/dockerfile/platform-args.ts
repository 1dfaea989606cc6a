import { formatPlatform, type Platform } from '@mabuild/oci';

/**
 * The automatic ARGs of a build, as BuildKit sets them in the global scope; missing parts are empty strings.
 *
 * `stage` is the target stage's name. @default 'default'
 */
export function platformArgs(
  target: Platform,
  build: Platform,
  stage = 'default',
): Readonly<Record<string, string>> {
  return {
    BUILDPLATFORM: formatPlatform(build),
    BUILDOS: build.os,
    BUILDARCH: build.architecture,
    BUILDVARIANT: build.variant ?? '',
    TARGETPLATFORM: formatPlatform(target),
    TARGETOS: target.os,
    TARGETARCH: target.architecture,
    TARGETVARIANT: target.variant ?? '',
    TARGETSTAGE: stage,
  };
}
