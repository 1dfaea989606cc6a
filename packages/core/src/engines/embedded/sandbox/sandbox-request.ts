import type { CallOptions, Platform } from '@mabuild/oci';
import type { RunSettings } from '../../run-settings.ts';
import type { LayerEntry } from '../layers/entry.ts';
import type { StoredLayer } from '../layers/layer-scanner.ts';
import type { ContainerCommand } from './container/container-command.ts';
import type { JobMount } from './helper/job.ts';

/** Files for a mount: those of an image, or single ones. */
export type MountFiles =
  | { readonly layers: readonly StoredLayer[] }
  | { readonly entries: readonly LayerEntry[] };

type BindMount = Extract<JobMount, { kind: 'bind' }>;
type CacheMount = Extract<JobMount, { kind: 'cache' }>;

/** A mount of a RUN, its files not yet in the sandbox. */
export type SandboxMount =
  | (Omit<BindMount, 'from'> & { readonly from: MountFiles })
  | (Omit<CacheMount, 'from'> & {
      readonly from: MountFiles | undefined;
      /** As the Dockerfile has it. */
      readonly id?: string | undefined;
      /** Nobody else may use it meanwhile: waits for it, or takes another one. */
      readonly sharing?: 'locked' | 'private' | undefined;
    })
  | Extract<JobMount, { kind: 'tmpfs' | 'secret' | 'ssh' }>;

/** What decides which sandbox a command gets. */
export interface SandboxQuestion extends Pick<SandboxRequest, 'platform' | 'network'> {
  /** It is executed as somebody else than root. */
  readonly needsUsers: boolean;
}

/** One command to execute. */
export interface SandboxRequest {
  readonly platform: Platform;
  /** From the bottom. */
  readonly layers: readonly StoredLayer[];
  readonly command: ContainerCommand;
  readonly network: 'host' | 'none';
  readonly settings?: RunSettings | undefined;
  readonly mounts: readonly SandboxMount[];
  /** Gets the contents of changed files. */
  readonly temporaryDirectory: string;
  /** What it changed is thrown away: one that ends well is `exited` too. */
  readonly discards?: boolean | undefined;
}

export interface SandboxCallOptions extends CallOptions {
  readonly onOutput?: ((stream: 'stdout' | 'stderr', chunk: Uint8Array) => void) | undefined;
  /** Told when a file of a mount is not the one that was looked at before. */
  readonly onChangedInput?: (() => void) | undefined;
  /** Told when the command has the pipe of its standard input. */
  readonly onTakesInput?: (() => void) | undefined;
  /** Gets what could not be done exactly, in words. */
  readonly onNote?: ((text: string) => void) | undefined;
  /**
   * The number of the signal that a running command gets when it is to stop; how it ends is then the result.
   * @default it is ended at once, and `execute` throws
   */
  readonly stopWith?: ((reason: unknown) => number) | undefined;
}

export type SandboxResult =
  | { readonly kind: 'exited'; readonly code: number }
  /** Linux's number of the error. */
  | { readonly kind: 'not-started'; readonly purpose: string; readonly errno: number }
  | {
      readonly kind: 'changed';
      readonly entries: readonly LayerEntry[];
      /** Deletes the contents of the entries. */
      release(): Promise<void>;
    };
