import { RegistryError } from '../error.ts';
import type { OnRegistryEvent } from '../event.ts';
import { ConnectionFault, isLastingFault } from '../http/connection-fault.ts';
import { backoff, isPassingStatus, pause, type RetryPolicy } from '../http/retry.ts';

/** What is tried, and how often. */
export interface RetryingOptions {
  /** The host, for events. */
  readonly host: string;
  readonly retry: RetryPolicy;
  readonly onEvent: OnRegistryEvent;
  /** In words, for events. */
  readonly doing: string;
  /** Whether the host ever answered: one that did and refuses connections is perhaps starting again. */
  readonly hasAnswered: () => boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Tries an action until it succeeds, fails for good, or has been tried often enough; tells of every wait.
 * @throws what the last try threw; the signal's reason.
 */
export async function retrying<T>(
  options: RetryingOptions,
  action: (attempt: number) => Promise<T>,
): Promise<T> {
  const { host, retry, onEvent, doing, signal } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await action(attempt);
    } catch (error) {
      if (signal?.aborted === true) {
        throw signal.reason;
      }
      const failure = passing(error, options.hasAnswered(), attempt);
      if (failure === undefined || attempt >= retry.attempts) {
        throw error;
      }
      const { reason, retryAfter, rateLimit } = failure;
      const delay = Math.min(retryAfter ?? backoff(retry, attempt), retry.maxDelay);
      onEvent({
        type: 'registry-retry',
        host,
        doing,
        reason,
        attempt,
        attempts: retry.attempts,
        delay,
        asked: retryAfter !== undefined,
        ...(retryAfter !== undefined && { retryAfter }),
        ...(rateLimit !== undefined && { rateLimit }),
      });
      await pause(delay, signal);
    }
  }
}

/** What is worth another try. */
function passing(
  error: unknown,
  hasAnswered: boolean,
  attempt: number,
): (Pick<RegistryError, 'retryAfter' | 'rateLimit'> & { readonly reason: string }) | undefined {
  if (error instanceof RegistryError && error.status !== undefined) {
    const { status, retryAfter, rateLimit } = error;
    return isPassingStatus(status) || isLostUpload(error) || (isNotSeenYet(error) && attempt < 3)
      ? { reason: String(status), retryAfter, rateLimit }
      : undefined;
  }
  if (!(error instanceof ConnectionFault) || isLastingFault(error.code)) {
    return undefined;
  }
  const isRefusal = error.code === 'ECONNREFUSED' || error.code === 'PROXY_ECONNREFUSED';
  return isRefusal && !hasAnswered
    ? undefined
    : { reason: error.code, retryAfter: undefined, rateLimit: undefined };
}

/** The registry forgot an upload, or lost count of it: it can be begun again. */
function isLostUpload(error: RegistryError): boolean {
  const code = error.registryCode;
  return code === 'BLOB_UPLOAD_UNKNOWN' || code === 'BLOB_UPLOAD_INVALID' || error.status === 416;
}

/**
 * The registry did not see a blob that a manifest names: docker-registry does not while somebody else writes the same
 * one, and others do not while their store is slow to tell.
 */
function isNotSeenYet({ reasons }: RegistryError): boolean {
  return reasons.some(({ code }) => code === 'MANIFEST_BLOB_UNKNOWN');
}
