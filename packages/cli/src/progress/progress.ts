import type { Io } from '../io.ts';
import type { Paint } from '../text/paint.ts';
import type { Progress } from './event.ts';
import { plainProgress } from './plain.ts';
import { rawJsonProgress } from './rawjson.ts';
import { terminalProgress } from './terminal.ts';

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
