import { isIP } from 'node:net';

/** The host that serves the API of the registry that a reference names: Docker Hub has another one than its name. */
export function apiHost(registry: string): string {
  return registry === 'docker.io' || registry === 'index.docker.io' ? 'registry-1.docker.io' : registry;
}

/** What references call the registry that serves its API at `host`. */
export function registryName(host: string): string {
  return host === apiHost('docker.io') ? 'docker.io' : host;
}

/** Tells whether a host name (no port; brackets around IPv6 allowed) is this machine: `localhost`, 127.0.0.0/8, `::1`. */
export function isLoopbackHost(hostname: string): boolean {
  const host = bare(hostname);
  if (host === 'localhost' || host.endsWith('.localhost')) {
    return true;
  }
  return isIP(host) === 4 ? host.startsWith('127.') : host === '::1' || isMappedV4(host, isLoopbackHost);
}

/**
 * Tells whether a host name is an address that only means something on a private network: loopback, private,
 * link-local, unspecified. A name that is not an address is not looked up.
 */
export function isPrivateHost(hostname: string): boolean {
  const host = bare(hostname);
  if (isLoopbackHost(host)) {
    return true;
  }
  if (isIP(host) === 4) {
    const [a = 0, b = 0] = host.split('.').map(Number);
    return (
      a === 0 ||
      a === 10 ||
      (a === 100 && b >= 64 && b < 128) ||
      (a === 169 && b === 254) ||
      (a === 172 && b >= 16 && b < 32) ||
      (a === 192 && b === 168)
    );
  }
  return (
    isIP(host) === 6 && (host === '::' || /^f([cd]|e[89ab])/.test(host) || isMappedV4(host, isPrivateHost))
  );
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
}

/** `::ffff:a.b.c.d`, which URL writes as `::ffff:xxyy:zzww`. */
function isMappedV4(host: string, test: (v4: string) => boolean): boolean {
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host) ?? [];
  if (high === undefined || low === undefined) {
    const dotted = /^::ffff:([0-9.]+)$/.exec(host)?.[1];
    return dotted !== undefined && test(dotted);
  }
  const [x, y] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return test(`${x >> 8}.${x & 255}.${y >> 8}.${y & 255}`);
}
