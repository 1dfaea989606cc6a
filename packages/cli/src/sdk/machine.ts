import type { Platform } from '@mabuild/oci';

/** The platform of programs that this machine runs, whatever its own system: images are Linux's. */
export function machineOf(architecture: string): Platform {
  switch (architecture) {
    case 'x64':
      return { os: 'linux', architecture: 'amd64' };
    case 'ia32':
      return { os: 'linux', architecture: '386' };
    case 'arm':
      return { os: 'linux', architecture: 'arm', variant: 'v7' };
    default:
      return { os: 'linux', architecture };
  }
}
