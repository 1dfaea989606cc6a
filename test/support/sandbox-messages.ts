import type { Platform } from '@mabuild/oci';
import type { Emulation } from '../../packages/core/src/emulation/emulation.ts';
import type { Pruned } from '../../packages/core/src/engines/embedded/cache/prune.ts';
import type { LayerEntry } from '../../packages/core/src/engines/embedded/layers/entry.ts';
import type {
  SandboxOptions,
  TriedSandbox,
} from '../../packages/core/src/engines/embedded/sandbox/choice/choose.ts';
import type { ContainerUser } from '../../packages/core/src/engines/embedded/sandbox/container/container-command.ts';

export interface DriverCommand {
  readonly platform?: Platform;
  /** Tar files, from the bottom. */
  readonly layers: readonly string[];
  /** A text is for /bin/sh. */
  readonly command: string | readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  readonly user?: ContainerUser;
  readonly network?: 'host' | 'none';
  /** As in a job, `from` as tar files. */
  readonly mounts?: readonly (Readonly<Record<string, unknown>> & { readonly from?: readonly string[] })[];
}

export interface DriverJob {
  readonly helper: string;
  readonly directory: string;
  readonly options?: Partial<SandboxOptions>;
  readonly commands: readonly DriverCommand[];
  readonly emulations?: readonly Platform[];
  /** Look at what is kept in the end, and delete it. */
  readonly prune?: true;
}

export type DriverEntry = Omit<LayerEntry, 'open' | 'digest'> & { readonly content?: string };

export type DriverResult = {
  readonly stdout: string;
  readonly stderr: string;
  readonly notes: readonly string[];
} & (
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'not-started'; readonly purpose: string; readonly errno: number }
  | { readonly kind: 'changed'; readonly entries: readonly DriverEntry[] }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
);

export interface DriverAnswer {
  readonly results: readonly DriverResult[];
  readonly tried: readonly TriedSandbox[];
  readonly emulations: readonly Emulation[];
  readonly pruned?: Pruned;
}
