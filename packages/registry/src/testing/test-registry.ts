import { behave, type RegistryBehaviour } from './behaviour.ts';
import { Contents, type StoredContent } from './contents.ts';
import type { RegistryFault } from './fault.ts';
import { handle, type LoggedRequest } from './handler.ts';
import { listen, type TestTls } from './listener.ts';
import { profiles, type RegistryProfile } from './profiles.ts';
import { PullLimit } from './pull-limit.ts';
import { type TestAuth, TestAuthority } from './test-authority.ts';
import { Uploads } from './uploads.ts';

/** How a test registry is; what is given here counts more than what its profile says. */
export interface TestRegistryOptions extends RegistryBehaviour {
  /** Whose ways it has. @default nobody's: the distribution-spec's */
  readonly profile?: RegistryProfile | undefined;
  /** @default none: everybody may do everything */
  readonly auth?: TestAuth | undefined;
  /** @default plain http */
  readonly tls?: TestTls | undefined;
  /** What `host` begins with; either leads to 127.0.0.1. @default '127.0.0.1' */
  readonly hostname?: '127.0.0.1' | 'localhost' | undefined;
  /** Milliseconds of round trip to add, as of a registry far away. @default 0 */
  readonly latency?: number | undefined;
  /** Bytes a second that a connection carries in each direction. @default no limit */
  readonly rate?: number | undefined;
  /** Things to go wrong; more can be pushed later. */
  readonly faults?: readonly RegistryFault[] | undefined;
}

/** A registry in this process: all of the distribution-spec, the ways of well-known registries, and faults on demand. */
export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** `http://HOST` or `https://HOST`. */
  readonly url: string;
  /** Every request so far, also those that came to nothing. */
  readonly requests: LoggedRequest[];
  /** Faults still to come; the first that matches a request is used up. */
  readonly faults: RegistryFault[];
  /** Upload ids that are begun and neither finished nor cancelled. */
  readonly openUploads: () => readonly string[];
  repositories(): readonly string[];
  /** The digest that a tag points at. */
  tagOf(repository: string, tag: string): string | undefined;
  manifest(repository: string, name: string): StoredContent | undefined;
  blob(repository: string, digest: string): Buffer | undefined;
  /** @returns its digest. */
  addBlob(repository: string, bytes: Uint8Array): string;
  /** @param name a tag, or the digest to store it under, right or wrong. */
  addManifest(repository: string, name: string, mediaType: string, bytes: Uint8Array): string;
  /** Makes every token given so far worthless, as time would. */
  expireTokens(): void;
  /** Cuts all connections, forgets uploads, refuses connections for so many milliseconds, and goes on. @default 0 */
  restart(milliseconds?: number): Promise<void>;
  /** Cuts all connections. */
  close(): Promise<void>;
}

/** Starts a registry on a free loopback port. */
export async function startTestRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const {
    profile,
    auth,
    tls,
    hostname = '127.0.0.1',
    latency = 0,
    rate = Number.POSITIVE_INFINITY,
  } = options;
  const behaviour = behave(profile === undefined ? {} : profiles[profile], options);
  const contents = new Contents();
  const uploads = new Uploads();
  const authority = auth === undefined ? undefined : new TestAuthority(auth);
  const requests: LoggedRequest[] = [];
  const faults: RegistryFault[] = [...(options.faults ?? [])];
  const pace = latency > 0 || Number.isFinite(rate) ? { latency, rate } : undefined;
  const pulls = new PullLimit(behaviour.rateLimit);
  const scheme: 'http' | 'https' = tls === undefined ? 'http' : 'https';
  const originOf = (port: number): string => `${scheme}://${hostname}:${port}`;

  const start = () =>
    listen(
      (request, response) => {
        handle(handling, request, response).catch(() => request.socket.destroy());
      },
      { tls, pace },
    );
  const handling = {
    behaviour,
    contents,
    uploads,
    pulls,
    authority,
    faults,
    requests,
    scheme,
    restart: (milliseconds: number) => restart(milliseconds),
    storage: () => originOf((storage ?? front).port),
  };
  const restart = async (milliseconds: number = 0): Promise<void> => {
    uploads.forget();
    await Promise.all([front.restart(milliseconds), storage?.restart(milliseconds)]);
  };
  const front = await start();
  const storage = behaviour.redirectBlobs ? await start() : undefined;
  authority?.servedAt(`${originOf(front.port)}/token`);

  return {
    host: `${hostname}:${front.port}`,
    url: originOf(front.port),
    requests,
    faults,
    openUploads: () => uploads.ids(),
    repositories: () => contents.names(),
    tagOf: (repository, tag) => contents.tagOf(repository, tag),
    manifest: (repository, name) => contents.manifest(repository, name),
    blob: (repository, digest) => contents.blob(repository, digest),
    addBlob: (repository, bytes) => contents.addBlob(repository, bytes),
    addManifest: (repository, name, mediaType, bytes) =>
      contents.addManifest(repository, name, mediaType, bytes),
    expireTokens: () => authority?.expire(),
    restart,
    async close() {
      await Promise.all([front.close(), storage?.close()]);
    },
  };
}
