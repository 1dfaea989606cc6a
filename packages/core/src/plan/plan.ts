import type { Platform } from '@mabuild/oci';
import type { AddedFile } from '../context/context.ts';
import type { Builder } from '../engines/engine.ts';
import type { Finding } from '../rules/rule.ts';

/** How RUN steps of a platform execute. */
export type Strategy = 'native' | 'emulated' | 'cross';

/** What will happen, as plain JSON: the same request and world give the same plan. */
export interface BuildPlan {
  readonly tasks: readonly BuildTask[];
  readonly findings: readonly Finding[];
}

/** One platform's share of a build. */
export interface BuildTask {
  readonly platform: Platform;
  readonly engine: Builder;
  readonly strategy: Strategy;
  /** The Dockerfile as the engine gets it. */
  readonly dockerfile: string;
  readonly addedFiles: readonly AddedFile[];
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Every external image of the stages that are built. */
  readonly bases: readonly PlannedBase[];
  /** What the final stage stands on, in layers: its digest, or `undefined` for `scratch`. */
  readonly finalBase: PlannedBase | undefined;
  /** Where an injected emulator lies during the build; filtered out of the result. */
  readonly emulatorPath?: string;
}

/** A base image, asked for before anything is built. */
export interface PlannedBase {
  /** As resolved: `docker.io/library/busybox:latest`. */
  readonly reference: string;
  /** What the registry calls it: an index's or a manifest's digest. */
  readonly digest: string;
  /** The manifest for the task's platform. */
  readonly manifestDigest: string;
  readonly platform: Platform;
  readonly line: number;
}
