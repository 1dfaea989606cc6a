import type { CallOptions, ImageResolver, Platform } from '@mabuild/oci';
import type { ResolvedBase } from '../bases/resolve-bases.ts';
import type { BuildContext } from '../context/context.ts';
import type { NamedContext } from '../dockerfile/image-uses.ts';
import type { BaseStyle, ImageMapping } from '../dockerfile/retarget-reference.ts';
import type { Builder, Engine, EngineBuild } from '../engines/engine.ts';
import type { RunSettings } from '../engines/run-settings.ts';
import type { BuildPlan, BuildTask } from './plan.ts';
import type { EmulationMode, LentProgram } from './plan-emulation.ts';

/** What is to be built, in nouns. */
export interface PlanRequest {
  /** The Dockerfile's text. */
  readonly dockerfile: string;
  /** Its name, for messages. */
  readonly file?: string | undefined;
  readonly platforms: readonly Platform[];
  readonly target?: string | undefined;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  readonly pull: boolean;
  /** `default`, `host` or `none`. */
  readonly network: string;
  /** For RUN. @default the engine's own */
  readonly settings?: RunSettings | undefined;
  readonly builder: 'auto' | Builder;
  /** For a Docker Engine: references that BuildKit takes steps from. @default none */
  readonly cacheFrom?: readonly string[] | undefined;
  /** `--build-context`: what stands for names of images, and the folders among them. */
  readonly contexts?: Readonly<Record<string, NamedContext>> | undefined;
  readonly folders?: Readonly<Record<string, BuildContext>> | undefined;
  readonly emulation: EmulationMode;
  readonly baseStyle: BaseStyle;
  readonly images: ImageMapping;
  /** Where static emulators are looked for before the usual places. */
  readonly emulatorDirectories: readonly string[];
  /** Make migrate's safe fixes for each platform before it is built; the file itself stays. @default false */
  readonly fix?: boolean | undefined;
  /** Publish the emulator with the image. */
  readonly keepEmulator: boolean;
}

export interface PlanWorld extends CallOptions {
  readonly engine: Engine;
  readonly resolver: ImageResolver;
}

/** A task together with what its execution needs and JSON cannot hold. */
export interface PlannedTask {
  readonly task: BuildTask;
  readonly build: EngineBuild;
  /** What the result stands on; `undefined` for `scratch`, and for an image that only the engine has. */
  readonly finalBase: ResolvedBase | undefined;
  /** The emulator that is lent to the build. */
  readonly emulator: LentProgram | undefined;
  /** The folder of the context that builds of this plan added, if any: `COPY . .` must not publish it. */
  readonly addedFolder: string | undefined;
  /** The same build of the same context gives the same image: it takes nothing else from outside. @default false */
  readonly repeatable?: boolean;
}

export interface PlannedBuild {
  readonly plan: BuildPlan;
  readonly tasks: readonly PlannedTask[];
}
