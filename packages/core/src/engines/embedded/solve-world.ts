import type { CallOptions, ImageResolver, Platform } from '@mabuild/oci';
import type { BuildContext } from '../../context/context.ts';
import type { EngineBuild } from '../engine.ts';
import type { BuildCache } from './cache/build-cache.ts';
import type { RunCache } from './cache/run-cache.ts';
import type { FileSource } from './file-source.ts';
import type { LayerScanner, StoredLayer } from './layers/layer-scanner.ts';
import type { LayerWriter } from './layers/layer-writer.ts';
import type { Tree } from './layers/tree.ts';
import type { RepositoryOptions } from './repositories.ts';
import type { RunRequest } from './run-request.ts';
import type { RunProgram } from './steps/run.ts';
import type { StepSite } from './steps/step.ts';

/** What a build is made with. */
export interface SolveWorld {
  /** The platform that `FROM --platform=$BUILDPLATFORM` means. */
  readonly host: Platform;
  readonly resolver: ImageResolver;
  readonly scanner: LayerScanner;
  readonly writer: LayerWriter;
  readonly runs: RunCache;
  /** Told what steps make. */
  readonly cache?: BuildCache | undefined;
  readonly temporaryDirectory: string;
  /** Seconds since the epoch: the time of what a context's steps make, one for all platforms. */
  now(context: BuildContext): number;
  /** The context's files, read once for all platforms. */
  tree(build: EngineBuild, context: BuildContext, options: CallOptions): Promise<Tree>;
  readonly download: StepSite['download'];
  repository(url: string, options: RepositoryOptions): Promise<FileSource>;
  /** Executes RUN; without it a stage that has one is refused before anything is built. */
  readonly run?: RunProgram | undefined;
  /** Begins what the first RUN of a platform over these layers will wait for. */
  readonly prepareRun?:
    | ((platform: Platform, layers: readonly StoredLayer[], options: CallOptions) => Promise<void>)
    | undefined;
  /** Says why RUN of a platform cannot be kept from the network. @default it can */
  readonly lacksNetworks?:
    | ((platform: Platform, options: CallOptions) => Promise<string | undefined>)
    | undefined;
  /** Names a sandbox that cannot make all that others make. */
  readonly runLimits?:
    | ((request: RunRequest, options: CallOptions) => Promise<string | undefined>)
    | undefined;
}
