import {
  formatPlatform,
  MabuildError,
  normalizePlatform,
  type Platform,
  type ProgramsPlatform,
} from '@mabuild/oci';

/**
 * The platform that the programs of a root filesystem agree on.
 * @throws MabuildError `ROOTFS_PLATFORM_UNKNOWN`
 */
export function toldPlatform(name: string, told: readonly ProgramsPlatform[]): Platform {
  const [first, ...others] = told;
  if (first && others.every(({ platform }) => runsToo(platform, first.platform)) && isWhole(first.platform)) {
    return first.platform;
  }
  const seen = told.map(
    ({ platform, path, count }) => `${formatPlatform(platform)} (${count}, e.g. /${path})`,
  );
  const why =
    first === undefined
      ? 'no program in it tells its platform'
      : others.length > 0
        ? `its programs are for ${seen.join(' and ')}`
        : `its programs are 32-bit ARM and do not tell which, e.g. /${first.path}`;
  throw new MabuildError(`importing ${name}: ${why}`, {
    code: 'ROOTFS_PLATFORM_UNKNOWN',
    hint: 'say it, e.g. --platform linux/arm/v7',
  });
}

/**
 * Refuses a platform that no program of a root filesystem is made for.
 * @throws MabuildError `VERIFICATION_FAILED`
 */
export function checkToldPlatform(name: string, told: readonly ProgramsPlatform[], platform: Platform): void {
  const wanted = normalizePlatform(platform);
  const [first] = told;
  if (first === undefined || told.some((one) => suits(one.platform, wanted))) return;
  throw new MabuildError(
    `${name} is not for ${formatPlatform(wanted)}: /${first.path} is for ${formatPlatform(first.platform)}`,
    {
      code: 'VERIFICATION_FAILED',
      hint: `import it with --platform ${formatPlatform(first.platform)}, or all the same with --no-verify`,
    },
  );
}

/** x86-64 systems bring programs for x86 along. */
function runsToo(platform: Platform, host: Platform): boolean {
  return platform.os === host.os && platform.architecture === '386' && host.architecture === 'amd64';
}

function isWhole({ architecture, variant }: Platform): boolean {
  return architecture !== 'arm' || variant !== undefined;
}

/** Of 32-bit ARM, soft float (v5) and hard float are two systems; older code in a newer image is none's fault. */
function suits(told: Platform, wanted: Platform): boolean {
  if (told.os !== wanted.os || told.architecture !== wanted.architecture) return false;
  if (told.architecture !== 'arm' || told.variant === undefined) return true;
  return (told.variant === 'v5') === (wanted.variant === 'v5');
}
