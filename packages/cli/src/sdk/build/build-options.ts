import type { BuildEvent } from '@mabuild/core';
import type { PushEvent } from '@mabuild/oci';
import type { SdkOptions } from '../toolbox.ts';

export interface BuildOptions extends SdkOptions {
  /** Steps, logs, uploads, warnings. */
  readonly onEvent?: ((event: BuildEvent | PushEvent) => void) | undefined;
}
