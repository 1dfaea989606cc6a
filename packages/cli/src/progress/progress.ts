import type { BuildEvent } from '@mabuild/core';
import type { PushEvent } from '@mabuild/oci';
import type { RegistryEvent } from '@mabuild/registry';
import type { Paint } from '../formatters/paint.ts';
import type { Io } from '../io.ts';
import { plainProgress } from './plain.ts';
import { rawJsonProgress } from './rawjson.ts';
import { terminalProgress } from './terminal.ts';

/** What builds, copies and registries tell while they run. */
export type ProgressEvent = BuildEvent | PushEvent | RegistryEvent;

/** Shows progress on stderr; `close` leaves the terminal tidy. */
export interface Progress {
  onEvent(event: ProgressEvent): void;
  close(): void;
}

export const progressModes = ['auto', 'tty', 'plain', 'quiet', 'rawjson'] as const;
export type ProgressMode = (typeof progressModes)[number];

/** `auto` is blocks on a terminal, plain lines when stderr is none or `CI` is set. */
export function createProgress(mode: ProgressMode, io: Io, paint: Paint): Progress {
  switch (mode === 'auto' ? (io.stderr.isTTY && !io.environment.CI ? 'tty' : 'plain') : mode) {
    case 'tty':
      return terminalProgress(io.stderr, paint);
    case 'rawjson':
      return rawJsonProgress(io.stderr);
    case 'quiet':
      return { onEvent: () => {}, close: () => {} };
    default:
      return plainProgress(io.stderr, paint);
  }
}
