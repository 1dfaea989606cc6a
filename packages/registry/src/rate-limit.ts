/** What a registry says of its limit. */
export interface RateLimit {
  /** Requests that may be made in `window`. */
  readonly limit?: number;
  /** Requests that may still be made. */
  readonly remaining?: number;
  /** Seconds. */
  readonly window?: number;
}

/** Reads `RateLimit-Limit: 100;w=21600` and `RateLimit-Remaining` of Docker Hub, or the X-RateLimit-… of others. */
export function rateLimitOf(header: (name: string) => string | undefined): RateLimit | undefined {
  const limit = read(header('ratelimit-limit') ?? header('x-ratelimit-limit'));
  const remaining = read(header('ratelimit-remaining') ?? header('x-ratelimit-remaining'));
  const window = limit?.window ?? remaining?.window;
  return limit === undefined && remaining === undefined
    ? undefined
    : {
        ...(limit !== undefined && { limit: limit.count }),
        ...(remaining !== undefined && { remaining: remaining.count }),
        ...(window !== undefined && { window }),
      };
}

/** `0 of 100 requests left in 6 h` */
export function formatRateLimit({ limit, remaining, window }: RateLimit): string {
  const count =
    remaining === undefined
      ? `at most ${limit} requests`
      : `${remaining}${limit === undefined ? '' : ` of ${limit}`} requests left`;
  return window === undefined ? count : `${count} in ${formatSeconds(window)}`;
}

function formatSeconds(seconds: number): string {
  if (seconds % 3600 === 0) {
    return `${seconds / 3600} h`;
  }
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

function read(text: string | undefined): { readonly count: number; readonly window?: number } | undefined {
  const [, count, window] = /^\s*(\d{1,15})\s*(?:;\s*w=(\d{1,9})\s*)?(?:[;,]|$)/.exec(text ?? '') ?? [];
  return count === undefined
    ? undefined
    : { count: Number(count), ...(Number(window) > 0 && { window: Number(window) }) };
}
