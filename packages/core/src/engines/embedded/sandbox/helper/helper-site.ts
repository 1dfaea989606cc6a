import type { IdMaps } from '../choice/user-ids.ts';
import type { SandboxKind } from './job.ts';

/** How helpers are started. */
export interface HelperSite {
  /** Node and the module that serves jobs. */
  readonly command: readonly string[];
  /** Of this machine. */
  readonly architecture: string;
  readonly kind: SandboxKind;
  /** Of a user namespace. */
  readonly ids: IdMaps;
  /** Where its program may be written; this user's only. */
  readonly directory: string;
}
