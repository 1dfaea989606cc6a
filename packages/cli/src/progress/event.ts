import type { BuildEvent } from '@mabuild/core';
import type { PushEvent } from '@mabuild/oci';
import type { RegistryEvent } from '@mabuild/registry';

/** What builds, copies and registries tell while they run. */
export type ProgressEvent = BuildEvent | PushEvent | RegistryEvent;

/** Shows progress on stderr; `close` leaves the terminal tidy. */
export interface Progress {
  onEvent(event: ProgressEvent): void;
  close(): void;
}
