import { type CallOptions, MabuildError } from '@mabuild/oci';
import type { EngineCaller } from './engine-request.ts';

/** Who answers, and how it is spoken to. */
export interface ApiVersion {
  /** Used in every path, e.g. `1.41`. */
  readonly api: string;
  /** The newest that the server speaks. */
  readonly server: string;
  /** `Builder-Version` of the ping: `2` where BuildKit is the default builder; absent before 23. */
  readonly builder: string | undefined;
  readonly kind: 'docker' | 'podman';
}

/** The newest Engine API that this client knows. */
const newestApiVersion = '1.53';
/** Docker 20.10, and podman's compatible API. */
const oldestApiVersion = '1.41';

/** Negative, zero or positive, as `a` is older than, the same as, or newer than `b`. */
export function compareApiVersions(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}

/** Pings an engine and picks the newest API version that both sides know. */
export async function negotiateApiVersion(
  client: EngineCaller,
  options: CallOptions & { readonly timeoutMs?: number },
): Promise<ApiVersion> {
  const ping = await client.request('GET', '/_ping', { ...options, noVersion: true });
  ping.body.resume();
  const header = (name: string): string | undefined => {
    const value = ping.headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const server = header('api-version');
  if (server === undefined || !/^\d+\.\d+$/.test(server))
    throw new MabuildError(
      `what answers at ${client.endpoint} is no Docker Engine: its ping names no API version`,
      {
        code: 'NOT_AN_ENGINE',
        hint: 'check DOCKER_HOST or the context that names this engine',
      },
    );
  if (compareApiVersions(server, oldestApiVersion) < 0)
    throw new MabuildError(
      `the engine at ${client.endpoint} is too old: it speaks API ${server}, mabuild needs ${oldestApiVersion}`,
      { code: 'ENGINE_TOO_OLD', hint: 'update it to Docker 20.10 or newer' },
    );
  const podman = header('libpod-api-version') !== undefined || /libpod/i.test(header('server') ?? '');
  const newest = compareApiVersions(server, newestApiVersion) > 0;
  if (newest) {
    const { MinAPIVersion: minimum } = await client.json<{ MinAPIVersion?: string }>('GET', '/version', {
      ...options,
      noVersion: true,
    });
    if (minimum !== undefined && compareApiVersions(minimum, newestApiVersion) > 0)
      throw new MabuildError(
        `the engine at ${client.endpoint} is too new: it wants API ${minimum} or newer, mabuild speaks up to ${newestApiVersion}`,
        { code: 'ENGINE_TOO_NEW', hint: 'update mabuild' },
      );
  }
  return {
    api: newest ? newestApiVersion : server,
    server,
    builder: header('builder-version'),
    kind: podman ? 'podman' : 'docker',
  };
}
