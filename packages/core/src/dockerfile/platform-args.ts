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
  return { ...describe('BUILD', build), ...describe('TARGET', target), TARGETSTAGE: stage };
}

function describe(side: string, platform: Platform): Record<string, string> {
  return {
    [`${side}PLATFORM`]: formatPlatform(platform),
    [`${side}OS`]: platform.os,
    [`${side}ARCH`]: platform.architecture,
    [`${side}VARIANT`]: platform.variant ?? '',
  };
}
