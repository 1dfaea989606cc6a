import type { RateLimit } from './rate-limit.ts';

/** What the registry client tells while it works; data, never words for people. */
export type RegistryEvent =
  | {
      /** A request failed and is tried again after a wait. */
      readonly type: 'registry-retry';
      readonly host: string;
      /** What is being done, e.g. `uploading blob sha256:… to localhost:5000/app`. */
      readonly doing: string;
      /** HTTP status or error code, e.g. `429`, `ECONNRESET`. */
      readonly reason: string;
      /** The attempt that failed; the first is 1. */
      readonly attempt: number;
      readonly attempts: number;
      /** Milliseconds. */
      readonly delay: number;
      /** Whether the registry asked for this wait with Retry-After. */
      readonly asked: boolean;
      /** Milliseconds that it asked for; `delay` is less when that is above the client's cap. */
      readonly retryAfter?: number;
      /** What the registry says of its limit. */
      readonly rateLimit?: RateLimit;
    }
  | {
      /** A mirror could not answer; the next one, or the registry itself, is asked. */
      readonly type: 'registry-mirror-skipped';
      readonly registry: string;
      readonly mirror: string;
      readonly reason: string;
    };

export type OnRegistryEvent = (event: RegistryEvent) => void;
