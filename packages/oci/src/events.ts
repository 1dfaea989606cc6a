import type { Descriptor } from './descriptor.ts';
import type { Platform } from './platform.ts';

/** What a copy tells while it runs. */
export interface PushEvent {
  readonly type: 'blob';
  /** The image that the blob was first met in; absent for an index. */
  readonly platform?: Platform;
  readonly descriptor: Descriptor;
  /** `exists`: nothing was sent; `mounted`: it came from another repository of the registry. */
  readonly state: 'exists' | 'mounted' | 'sending' | 'sent';
  /** Bytes sent so far. */
  readonly bytes: number;
}
