import {
  type CallOptions,
  type Descriptor,
  digestOf,
  isDigest,
  isIndexType,
  isManifestType,
  mediaTypes,
  verifyBytes,
} from '@mabuild/oci';
import { pullScope, pushScope } from '../access/scope.ts';
import { RegistryError } from '../error.ts';
import type { CallAnswer } from '../http/transport.ts';
import { manifestPath, type Repository } from '../repository.ts';

/** A manifest or index as it is stored. */
export interface StoredManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** What a name points at. */
export interface FoundManifest {
  readonly descriptor: Descriptor;
  /** By which a write can be made conditional: RFC 9110, 8.8.3. */
  readonly etag?: string | undefined;
}

const accept = [
  mediaTypes.ociIndex,
  mediaTypes.dockerManifestList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
].join(', ');

/** Tells whether a descriptor is of a manifest or an index, which registries keep apart from blobs. */
export function isStoredAsManifest(descriptor: Descriptor): boolean {
  return isManifestType(descriptor.mediaType) || isIndexType(descriptor.mediaType);
}

export interface FindOptions extends CallOptions {
  /** The finder means to push, so that one token does for everything. @default false */
  readonly pushing?: boolean | undefined;
}

/**
 * What a tag or digest names, by HEAD, or by GET where a registry's HEAD does not say enough.
 * @returns `undefined` when there is none.
 */
export async function findManifest(
  repository: Repository,
  name: string,
  options: FindOptions = {},
): Promise<Descriptor | undefined> {
  return (await lookUpManifest(repository, name, options))?.descriptor;
}

/** {@link findManifest}, with the ETag. */
export async function lookUpManifest(
  repository: Repository,
  name: string,
  { signal, pushing = false }: FindOptions = {},
): Promise<FoundManifest | undefined> {
  const answer = await repository.host.call({
    ...manifestRequest(repository, name, 'HEAD', pushing),
    doing: `looking for ${spell(repository, name)}`,
    accept: [400, 403, 404, 405, 406, 501],
    signal,
  });
  if (answer.status === 404) {
    return undefined;
  }
  const found = answer.status === 200 ? describe(answer, repository, name) : undefined;
  if (found !== undefined) {
    return { descriptor: found, etag: answer.header('etag') };
  }
  try {
    return await getManifest(repository, name, { signal, pushing });
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'IMAGE_NOT_FOUND') {
      return undefined;
    }
    throw error;
  }
}

/** @throws RegistryError `IMAGE_NOT_FOUND`; MabuildError `DIGEST_MISMATCH`. */
export async function getManifest(
  repository: Repository,
  name: string,
  { signal, pushing = false }: FindOptions = {},
): Promise<StoredManifest & FoundManifest> {
  const answer = await repository.host.call({
    ...manifestRequest(repository, name, 'GET', pushing),
    doing: `reading the manifest of ${spell(repository, name)}`,
    notFound: 'IMAGE_NOT_FOUND',
    signal,
  });
  const { bytes } = answer;
  const mediaType = checkedType(typeOf(answer) ?? typeInside(bytes) ?? '', repository, name);
  const digest = isDigest(name) ? name : digestOf(bytes);
  verifyBytes(bytes, { digest, size: bytes.length }, spell(repository, name));
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes, etag: answer.header('etag') };
}

/**
 * Writes a manifest under a tag or its digest: distribution-spec, "Pushing Manifests".
 * @param options.condition If-Match or If-None-Match.
 * @param options.beforeAgain runs before the write is tried another time; what it throws ends the tries.
 */
export async function putManifest(
  repository: Repository,
  name: string,
  { descriptor, bytes }: StoredManifest,
  {
    signal,
    condition,
    beforeAgain,
  }: CallOptions & {
    readonly condition?: Readonly<Record<string, string>> | undefined;
    readonly beforeAgain?: (() => Promise<void>) | undefined;
  } = {},
): Promise<void> {
  const doing = `writing the manifest of ${spell(repository, name)}`;
  const request = {
    ...manifestRequest(repository, name, 'PUT', true),
    headers: { 'content-type': descriptor.mediaType, ...condition },
    doing,
    body: bytes,
    signal,
  };
  const answer = await repository.host.retrying(request, async (attempt) => {
    if (attempt > 1) {
      await beforeAgain?.();
    }
    return repository.host.callOnce(request);
  });
  const stored = answer.header('docker-content-digest');
  if (stored !== undefined && stored !== descriptor.digest && stored.startsWith('sha256:')) {
    throw new RegistryError(`${doing}: the registry stored it as ${stored}, it is ${descriptor.digest}`, {
      code: 'REGISTRY_ERROR',
      hint: 'the registry rewrites manifests; images pushed to it lose their digests',
    });
  }
}

/** `localhost:5000/app:1`, `docker.io/library/app@sha256:…`. */
export function spell(repository: Repository, name: string): string {
  return `${repository.name}${isDigest(name) ? '@' : ':'}${name}`;
}

function manifestRequest(repository: Repository, name: string, method: string, pushing: boolean) {
  return {
    method,
    target: manifestPath(repository, name),
    headers: { accept },
    scopes: [pushing ? pushScope(repository.path) : pullScope(repository.path)],
  };
}

function describe(answer: CallAnswer, repository: Repository, name: string): Descriptor | undefined {
  const digest = answer.header('docker-content-digest');
  const length = answer.header('content-length') ?? '';
  const mediaType = typeOf(answer);
  if (digest === undefined || !isDigest(digest) || !/^[1-9]\d*$/.test(length) || mediaType === undefined) {
    return undefined;
  }
  if (isDigest(name) && digest !== name) {
    return undefined;
  }
  return { mediaType: checkedType(mediaType, repository, name), digest, size: Number(length) };
}

function typeOf(answer: CallAnswer): string | undefined {
  const type = answer.header('content-type')?.split(';')[0]?.trim();
  // Some registries and most caches say only that it is JSON; the document knows better.
  return type === '' || type === 'application/json' || type?.startsWith('text/') === true ? undefined : type;
}

function typeInside(bytes: Buffer): string | undefined {
  try {
    const document = JSON.parse(bytes.toString()) as Record<string, unknown> | null;
    const type = document?.mediaType;
    if (typeof type === 'string') {
      return type;
    }
    if (document?.schemaVersion === 1) {
      return 'application/vnd.docker.distribution.manifest.v1+json';
    }
    return Array.isArray(document?.manifests) ? mediaTypes.ociIndex : mediaTypes.ociManifest;
  } catch {
    return undefined;
  }
}

function checkedType(mediaType: string, repository: Repository, name: string): string {
  if (isManifestType(mediaType) || isIndexType(mediaType)) {
    return mediaType;
  }
  const old = mediaType.startsWith('application/vnd.docker.distribution.manifest.v1+');
  throw new RegistryError(
    old
      ? `${spell(repository, name)} is in Docker's schema 1 of before 2017, which has no digests to trust`
      : `${spell(repository, name)} is no image: its media type is ${JSON.stringify(mediaType)}`,
    {
      code: 'UNSUPPORTED_MANIFEST',
      hint: old
        ? 'pull it with an old docker and push it again'
        : 'check the address; a web page may have answered',
    },
  );
}
