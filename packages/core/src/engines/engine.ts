import type { Readable } from 'node:stream';
import type {
  CallOptions,
  CredentialSource,
  Descriptor,
  GrowingBlob,
  ImageReference,
  LayerFacts,
  Platform,
  SourceLocation,
} from '@mabuild/oci';
import type { AddedFile, BuildContext } from '../context/context.ts';
import type { Emulation } from '../emulation/emulation.ts';
import type { OnBuildEvent } from '../events.ts';
import type { BuildSecrets } from './build-secrets.ts';
import type { RunSettings } from './run-settings.ts';

/** The two builders of a Docker Engine, and the one of this process. */
export type Builder = 'buildkit' | 'classic' | 'embedded';

/** What an engine is and can; plain JSON, shown by `mabuild doctor`. */
export interface EngineInfo {
  readonly kind: 'docker' | 'podman' | 'embedded';
  /** e.g. `unix:///var/run/docker.sock`. */
  readonly endpoint: string;
  /** Why this endpoint: `DOCKER_HOST`, `context desktop-linux`, `default socket`, … */
  readonly foundBy: string;
  readonly version: string;
  /** The negotiated Engine API version, e.g. `1.41`. */
  readonly apiVersion: string;
  readonly builders: readonly Builder[];
  /** The engine's host. */
  readonly platform: Platform;
  /** The engine runs on this machine, so its loopback is ours. */
  readonly local: boolean;
  readonly imageStore: 'graphdriver' | 'containerd';
  /** `registry-mirrors` of the daemon, for docker.io. */
  readonly mirrors: readonly string[];
  /** `false` for a daemon without a bridge: RUN then needs the host's network. */
  readonly hasBridge: boolean;
  readonly capabilities: BuilderCapabilities;
}

/** What the engine's BuildKit frontend understands; the classic builder understands none of it. */
export interface BuilderCapabilities {
  /** `RUN <<EOF`, `COPY <<EOF`. */
  readonly heredoc: boolean;
  /** `COPY --link`. */
  readonly link: boolean;
  /** `RUN --network`. */
  readonly runNetwork: boolean;
}

/** One platform's build, ready for an engine: everything is decided. */
export interface EngineBuild {
  readonly builder: Builder;
  readonly platform: Platform;
  /** The edited text; never the user's file. */
  readonly dockerfile: string;
  readonly addedFiles: readonly AddedFile[];
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly noCache: boolean;
  readonly pull: boolean;
  /** `default`, `host` or `none`. */
  readonly network: string;
  /** `--add-host`, `--shm-size`, `--ulimit`. @default the engine's own */
  readonly settings?: RunSettings | undefined;
  /** Images, or caches in registries, that a Docker Engine's BuildKit takes steps from. @default none */
  readonly cacheFrom?: readonly string[] | undefined;
  /** External bases that this build starts from; a classic build over private ones pulls them first. */
  readonly bases: readonly ImageReference[];
  /** Folders that COPY --from and mounts name, for the embedded engine. */
  readonly folders?: Readonly<Record<string, BuildContext>>;
  /** Where a line of `dockerfile` (from 1) stands in the user's file, for errors. @default in `dockerfile` */
  readonly originalLocation?: ((line: number) => SourceLocation) | undefined;
}

export interface EngineBuildOptions extends CallOptions {
  readonly credentials: CredentialSource;
  /** For `RUN --mount=type=secret` and `type=ssh`. @default none */
  readonly secrets?: BuildSecrets | undefined;
  readonly onEvent?: OnBuildEvent | undefined;
  /** Told of a large layer of the image while it is written, by an engine that writes them one by one. */
  readonly onLayer?: ((layer: GrowingBlob) => void) | undefined;
}

/** An image that lies in an engine. */
export interface EngineImage {
  /** `sha256:…`. */
  readonly id: string;
  /** As the engine inspects it: the variant may be missing. */
  readonly platform: Platform;
}

/** One layer of an exported image, spooled to disk. */
export interface ExportedLayer {
  /** Path inside the engine's archive; the same path always means the same content. */
  readonly path: string;
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  /** The spooled file; `undefined` when `known` said that it is not needed. */
  readonly file: string | undefined;
  /** How the spooled file is compressed. */
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** Digest and size of the blob as stored, when the engine keeps blobs as they are. */
  readonly stored?: Descriptor;
  /** What scanning the layer gives, when the engine has done it. */
  readonly facts?: LayerFacts;
}

export interface ExportedImage {
  /** The image config's own bytes. */
  readonly config: Uint8Array;
  /** In the order of the config's `diff_ids`. */
  readonly layers: readonly ExportedLayer[];
}

export interface ExportOptions extends CallOptions {
  /** Folder for spooled layers; the caller deletes it. */
  readonly directory: string;
  /** The diff id of a layer path that an earlier export saw and that need not be written again. */
  readonly known?: ((path: string) => Promise<string | undefined> | string | undefined) | undefined;
}

export interface InspectOptions extends CallOptions {
  /** Which of an image's platforms; a containerd store holds several under one name. @default the engine's choice */
  readonly platform?: Platform | undefined;
}

/** Starts containers: what `mabuild run` and the ELF probes need. */
export interface ContainerRequest {
  /** Image id or name that the engine has. */
  readonly image: string;
  readonly platform?: Platform;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** `HOST:CONTAINER[:ro]`. */
  readonly binds?: readonly string[];
  /** `[HOST_IP:]HOST_PORT:CONTAINER_PORT[/PROTOCOL]`. */
  readonly ports?: readonly string[];
  /** `default`, `host` or `none`. */
  readonly network?: string;
}

export interface ContainerResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions extends CallOptions {
  /** The container's standard input; it is read no further when the container ends. @default none */
  readonly input?: Readable | undefined;
  /** Gets the container's output as it comes; the result has it too. */
  readonly onOutput?: ((stream: 'stdout' | 'stderr', chunk: Uint8Array) => void) | undefined;
}

/** Who builds. An engine holds connections: close it. */
export interface Engine {
  readonly info: EngineInfo;
  /** Says, by running a tiny program of that platform, how the engine's host runs it. The answer is remembered. */
  emulation(platform: Platform, options?: CallOptions): Promise<Emulation>;
  /**
   * Builds one platform. Concurrent calls with the same `context` share one session, so it is sent once.
   * @throws MabuildError `BUILD_FAILED` with the Dockerfile line, exit code and last lines of output.
   */
  build(build: EngineBuild, context: BuildContext, options: EngineBuildOptions): Promise<EngineImage>;
  /** Spools an image's config and layers to disk. */
  export(imageId: string, options: ExportOptions): Promise<ExportedImage>;
  /** What `docker save` writes: a docker-archive, which is an OCI layout too where the store is containerd's. */
  save(image: string, options?: CallOptions): Promise<Readable>;
  /** Loads a docker-archive (or, into the containerd store, an OCI archive) and returns what it named. */
  load(archive: Readable, options?: CallOptions): Promise<readonly string[]>;
  tag(imageId: string, reference: ImageReference, options?: CallOptions): Promise<void>;
  /** Makes the engine itself pull an image, by its digest where the reference has one. @throws MabuildError `PULL_FAILED`. */
  pull(
    reference: ImageReference,
    options: CallOptions & { readonly credentials: CredentialSource; readonly platform: Platform },
  ): Promise<void>;
  /** What the engine has under a name or an id, or `undefined`; what it prefers where it has none for the platform. */
  inspect(image: string, options?: InspectOptions): Promise<EngineImage | undefined>;
  /** Runs a container to its end, collecting its output; removed afterwards, also on abort. */
  run(request: ContainerRequest, options?: RunOptions): Promise<ContainerResult>;
  close(): Promise<void>;
}
