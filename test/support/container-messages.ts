import type { ContainerConfig, Platform } from '@mabuild/oci';
import type { SandboxOptions } from '../../packages/core/src/engines/embedded/sandbox/choice/choose.ts';
import type { ContainerRequest } from '../../packages/core/src/engines/engine.ts';

/** One image that is run. */
export interface ContainerRun {
  /** Its only layer, a tar file. @default the job's */
  readonly layer?: string;
  readonly platform?: Platform;
  readonly config?: ContainerConfig;
  readonly request?: Omit<ContainerRequest, 'image' | 'platform'>;
  /** Its standard input, so many times; one that does not end goes on with nothing. @default none */
  readonly input?: { readonly text: string; readonly times?: number; readonly endless?: true };
  /** It gets a signal when it has written a text. */
  readonly stop?: { readonly after: string; readonly signal: number };
}

export interface ContainerJob {
  readonly helper: string;
  readonly directory: string;
  readonly options?: Partial<SandboxOptions>;
  readonly layer: string;
  readonly runs: readonly ContainerRun[];
}

export interface ContainerAnswer {
  readonly stdout: string;
  readonly stderr: string;
  readonly code?: number;
  readonly error?: { readonly code: string; readonly message: string };
}
