import { normalizePlatform, type Platform } from '@mabuild/oci';

/** What the wheels of a package run on, on Linux. */
export interface LinuxWheels {
  /** A wheel without native code. */
  readonly any: boolean;
  /** Machines as `uname -m` calls them. */
  readonly machines: ReadonlySet<string>;
}

/** Reads the platform tags of wheel file names. Python's "Platform compatibility tags". */
export function linuxWheels(files: readonly string[]): LinuxWheels {
  const machines = new Set<string>();
  let any = false;
  for (const file of files) {
    if (!file.endsWith('.whl')) continue;
    const tags = file.slice(0, -4).split('-').at(-1)?.split('.') ?? [];
    for (const tag of tags) {
      if (tag === 'any') any = true;
      const machine = /^(?:manylinux[^_]*(?:_\d+_\d+)?|musllinux_\d+_\d+|linux)_(.+)$/.exec(tag)?.[1];
      if (machine) machines.add(machine);
    }
  }
  return { any, machines };
}

/** Tells whether pip finds a wheel for a platform. */
export function hasWheel({ any, machines }: LinuxWheels, platform: Platform): boolean {
  return any || machinesOf(platform).some((machine) => machines.has(machine));
}

function machinesOf(platform: Platform): readonly string[] {
  const { architecture, variant } = normalizePlatform(platform);
  if (architecture === 'arm64') return ['aarch64'];
  if (architecture !== 'arm') return [architecture];
  return variant === 'v6' ? ['armv6l'] : ['armv7l', 'armv6l'];
}
