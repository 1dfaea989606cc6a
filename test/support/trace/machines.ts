import { formatPlatform, normalizePlatform, type Platform } from '@mabuild/oci';

/** What the programs of a userland say about the machine, as shell assignments. */
interface Machine {
  readonly machine: string;
  readonly dpkg: string;
  readonly apk: string;
  readonly rpm: string;
  readonly triple: string;
  readonly bits: string;
  readonly goarch: string;
}

const amd64: Machine = {
  machine: 'x86_64',
  dpkg: 'amd64',
  apk: 'x86_64',
  rpm: 'x86_64',
  triple: 'x86_64-linux-gnu',
  bits: '64',
  goarch: 'amd64',
};

const machines: Readonly<Record<string, Machine>> = {
  'linux/amd64': amd64,
  'linux/arm64': {
    machine: 'aarch64',
    dpkg: 'arm64',
    apk: 'aarch64',
    rpm: 'aarch64',
    triple: 'aarch64-linux-gnu',
    bits: '64',
    goarch: 'arm64',
  },
  'linux/arm/v7': {
    machine: 'armv7l',
    dpkg: 'armhf',
    apk: 'armv7',
    rpm: 'armv7hl',
    triple: 'arm-linux-gnueabihf',
    bits: '32',
    goarch: 'arm',
  },
};

/** The file that the stubs read. */
export function machineFile(platform: Platform): string {
  const machine = machines[formatPlatform(normalizePlatform(platform))] ?? amd64;
  return Object.entries(machine)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
