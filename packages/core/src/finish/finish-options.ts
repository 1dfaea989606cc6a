import type { CallOptions } from '@mabuild/oci';
import type { Engine } from '../engines/engine.ts';
import type { OnBuildEvent } from '../events.ts';
import type { Memory } from '../memory.ts';

/** What finishing an image works with. */
export interface FinishOptions extends CallOptions {
  readonly engine: Engine;
  readonly memory: Memory;
  /** Where finished layers are kept. */
  readonly blobDirectory: string;
  /** Says what is used of `blobDirectory`. @default nobody deletes from it */
  readonly claim?: ((file: string) => Promise<void>) | undefined;
  /** For layers on their way; the caller deletes it. */
  readonly temporaryDirectory: string;
  /** Leave an injected emulator in the image. */
  readonly keepEmulator: boolean;
  /** Refuse an image that is not what it says. */
  readonly verify: boolean;
  readonly manifestType: 'oci' | 'docker';
  /** Seconds since the epoch, as text: times later than this become this. */
  readonly sourceDateEpoch?: string | undefined;
  readonly onEvent?: OnBuildEvent | undefined;
}
