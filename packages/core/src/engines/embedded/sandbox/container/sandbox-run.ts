import type { Writable } from 'node:stream';
import { MabuildError } from '@mabuild/oci';
import type { ProgramFailure } from '../calls/batch.ts';
import { errnoName } from '../calls/errno.ts';
import type { UnpackedLayer } from '../files/merged.ts';
import type { FrameReader } from '../helper/frames.ts';
import type { JobMessage, SandboxJob } from '../helper/job.ts';
import type { ShelfSite } from '../shelf/layer-shelf.ts';

/** One RUN inside a helper. */
export interface SandboxRun {
  readonly job: SandboxJob;
  readonly run: NonNullable<SandboxJob['run']>;
  /** The topmost first. */
  readonly layers: readonly UnpackedLayer[];
  readonly frames: FrameReader;
  readonly site: ShelfSite;
  /** Folder of this job, on the file system of the layers. */
  readonly work: string;
  readonly signal: AbortSignal;
  /** The command is to get the signal whose number is the reason. */
  readonly stop: AbortSignal;
  readonly say: (message: JobMessage) => void;
  readonly output: HelperOutput;
}

/** Where a command's output goes. */
export interface HelperOutput {
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** @throws MabuildError `SANDBOX_FAILED` for a step that failed */
export function check(failure: ProgramFailure | undefined): void {
  if (failure === undefined) return;
  throw new MabuildError(`making a sandbox: could not ${failure.purpose} (${errnoName(failure.errno)})`, {
    code: 'SANDBOX_FAILED',
    hint: 'see `mabuild doctor`',
  });
}
