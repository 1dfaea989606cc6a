import type { CallOptions, Descriptor, TagOptions } from '@mabuild/oci';
import { RegistryError } from '../error.ts';
import { backoff, pause, type RetryPolicy } from '../http/retry.ts';
import type { Repository } from '../repository.ts';
import {
  type FoundManifest,
  getManifest,
  lookUpManifest,
  putManifest,
  type StoredManifest,
  spell,
} from './manifest.ts';

export interface WriteTagOptions extends CallOptions {
  readonly retry: RetryPolicy;
  /** What the tag pointed at a moment ago; `undefined`: nothing. */
  readonly seen: FoundManifest | undefined;
  /** @see TagOptions.expected */
  readonly expected?: TagOptions['expected'];
}

/**
 * Makes a tag point at a manifest, and re-reads it.
 * @throws RegistryError `REGISTRY_TAG_MOVED`; `REGISTRY_DENIED` when the tag cannot be changed.
 */
export async function writeTag(
  repository: Repository,
  name: string,
  manifest: StoredManifest,
  { retry, seen, expected, signal }: WriteTagOptions,
): Promise<void> {
  if (expected !== undefined) {
    checkExpected(repository, name, seen, expected);
  }
  const { digest } = manifest.descriptor;
  const condition = expected === undefined ? undefined : conditionOf(seen);
  const beforeAgain = async (): Promise<void> => {
    const found = await lookUpManifest(repository, name, { signal, pushing: true });
    if (found?.descriptor.digest !== digest && found?.descriptor.digest !== seen?.descriptor.digest) {
      throw moved(repository, name, found, seen);
    }
  };
  // Between two tries of one write lie seconds, in which somebody else may write.
  const guard = expected === undefined ? {} : { beforeAgain };
  try {
    await putManifest(repository, name, manifest, { signal, condition, ...guard });
  } catch (error) {
    if (!isRefusal(error)) {
      if (isDoubtful(error) && (await isWritten(repository, name, digest, { signal }))) {
        return;
      }
      throw error;
    }
    // The answer to a write that did arrive may have been lost; and a tag that is ours needs no write.
    const found = await lookUpManifest(repository, name, { signal, pushing: true });
    if (found?.descriptor.digest === digest) {
      return;
    }
    if (isImmutable(error)) {
      throw immutable(repository, name, found, error);
    }
    if (condition === undefined || error.status !== 412) {
      throw error;
    }
    if (found?.descriptor.digest !== seen?.descriptor.digest) {
      throw moved(repository, name, found, seen);
    }
    // The registry does not know its own ETag, as behind some proxies: then looking before and after has to do.
    await putManifest(repository, name, manifest, { signal, ...guard });
  }
  await confirmTag(repository, name, manifest.descriptor, { retry, seen, signal });
}

/** Re-reads the tag: some registries take a moment, and another push may have won. */
async function confirmTag(
  repository: Repository,
  name: string,
  descriptor: Descriptor,
  { retry, seen, signal }: Pick<WriteTagOptions, 'retry' | 'seen' | 'signal'>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const found = await lookUpManifest(repository, name, { signal, pushing: true });
    const digest = found?.descriptor.digest;
    if (digest === descriptor.digest) {
      return;
    }
    const stale = digest === undefined || digest === seen?.descriptor.digest;
    if (!stale || attempt >= retry.attempts) {
      if (stale && (await isWritten(repository, name, descriptor.digest, { signal }))) {
        return;
      }
      throw new RegistryError(
        `tagging ${spell(repository, name)}: written as ${descriptor.digest}, read back as ${digest ?? 'nothing'}`,
        {
          code: 'REGISTRY_TAG_MOVED',
          hint: 'somebody else pushed the same tag; push again if yours should win',
        },
      );
    }
    await pause(backoff(retry, attempt), signal);
  }
}

/** Reads the tag itself: what HEAD says may come from a cache, or from a proxy that does not know it. */
async function isWritten(
  repository: Repository,
  name: string,
  digest: string,
  { signal }: CallOptions,
): Promise<boolean> {
  try {
    const { descriptor } = await getManifest(repository, name, { signal, pushing: true });
    return descriptor.digest === digest;
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}

/** Tells whether a write that failed may have been done: nothing was heard of it, or the registry lost its way. */
function isDoubtful(error: unknown): boolean {
  return error instanceof RegistryError && (error.status === undefined || error.status >= 500);
}

function checkExpected(
  repository: Repository,
  name: string,
  seen: FoundManifest | undefined,
  expected: NonNullable<TagOptions['expected']>,
): void {
  const wanted = expected === 'absent' ? undefined : expected.digest;
  if (seen?.descriptor.digest !== wanted) {
    throw moved(repository, name, seen, expected === 'absent' ? undefined : { descriptor: expected });
  }
}

/** Weak ETags never match in If-Match: RFC 9110, 13.1.1. */
function conditionOf(seen: FoundManifest | undefined): Readonly<Record<string, string>> | undefined {
  if (seen === undefined) {
    return { 'if-none-match': '*' };
  }
  return seen.etag === undefined || seen.etag.startsWith('W/') ? undefined : { 'if-match': seen.etag };
}

function isRefusal(error: unknown): error is RegistryError {
  return error instanceof RegistryError && [400, 403, 405, 409, 412].includes(error.status ?? 0);
}

/** ECR answers 400 TAG_INVALID, Harbor 412, GitLab 403; all say the word. */
function isImmutable(error: RegistryError): boolean {
  const said = error.message.slice(error.message.lastIndexOf(' answered '));
  return /immutable|ImageTagAlreadyExists/i.test(said);
}

function immutable(
  repository: Repository,
  name: string,
  found: FoundManifest | undefined,
  cause: RegistryError,
): RegistryError {
  return new RegistryError(
    `tagging ${spell(repository, name)}: the registry keeps the tag as it is, ${found?.descriptor.digest ?? 'without an image'} (${cause.message})`,
    {
      code: 'REGISTRY_DENIED',
      hint: 'its tags are immutable: push under a tag that is not there yet, or have the setting changed',
      status: cause.status,
      registryCode: cause.registryCode,
      requestId: cause.requestId,
      cause,
    },
  );
}

function moved(
  repository: Repository,
  name: string,
  found: FoundManifest | undefined,
  wanted: { readonly descriptor: Pick<Descriptor, 'digest'> } | undefined,
): RegistryError {
  return new RegistryError(
    `tagging ${spell(repository, name)}: it points at ${found?.descriptor.digest ?? 'nothing'} by now, not at ${wanted?.descriptor.digest ?? 'nothing'}`,
    {
      code: 'REGISTRY_TAG_MOVED',
      hint: 'somebody else wrote the same tag; read it again and repeat the change',
    },
  );
}
