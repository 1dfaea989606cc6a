/** How failures that may pass are repeated. */
export interface RetryOptions {
  /** Tries in all. @default 5 */
  readonly attempts?: number | undefined;
  /** Milliseconds before the second try; doubled each time, with jitter. @default 500 */
  readonly baseDelay?: number | undefined;
  /** The longest wait in milliseconds, also for a registry's Retry-After. @default 60000 */
  readonly maxDelay?: number | undefined;
}

export interface RetryPolicy {
  readonly attempts: number;
  readonly baseDelay: number;
  readonly maxDelay: number;
}

export function retryPolicy(options: RetryOptions = {}): RetryPolicy {
  return {
    attempts: Math.max(1, options.attempts ?? 5),
    baseDelay: options.baseDelay ?? 500,
    maxDelay: options.maxDelay ?? 60_000,
  };
}

/**
 * Milliseconds that a Retry-After header asks for (RFC 9110, 10.2.3): seconds, a negative number being 0, or a date in
 * the future. `undefined`: it says nothing of use.
 * @param now milliseconds since 1970.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^[+-]?\d+$/.test(text)) {
    return Math.max(0, Number(text) * 1000);
  }
  const date = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  return date > now ? date - now : undefined;
}

/** Milliseconds to wait after the given failed attempt (1 = the first): exponential, between half and all of it. */
export function backoff(policy: RetryPolicy, attempt: number): number {
  const full = Math.min(policy.maxDelay, policy.baseDelay * 2 ** (attempt - 1));
  return Math.round(full * (0.5 + Math.random() / 2));
}

/** Tells whether an HTTP status may pass by itself. */
export function isPassingStatus(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/** Waits. Rejects with the signal's reason. */
export function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
