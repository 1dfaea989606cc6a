import {
  type CallOptions,
  familiarReference,
  formatPlatform,
  formatReference,
  type ImageReference,
  type ImageResolver,
  isMabuildError,
  MabuildError,
  type Platform,
  parseReference,
  platformSatisfies,
  type SourceLocation,
  withDigest,
} from '@mabuild/oci';
import { checkDockerfile } from '../check.ts';
import { resolveBase } from '../dockerfile/base.ts';
import { type BuildTarget, scopeOf } from '../dockerfile/image-uses.ts';
import { locate } from '../dockerfile/location.ts';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import type { BaseStyle, ImageMapping } from '../dockerfile/retarget-base.ts';
import { targetStage } from '../dockerfile/stage-graph.ts';
import type { Builder, Engine, EngineBuild } from '../engines/engine.ts';
import { suggestTag } from '../knowledge/suggest-tag.ts';
import type { Finding } from '../rules/rule.ts';
import { addedFolder } from '../transforms/added-folder.ts';
import {
  type BaseOptions,
  type PrepareOptions,
  prepareDockerfile,
  runsOnTarget,
  syntaxImage,
  wantedImages,
} from '../transforms/index.ts';
import { chooseBuilder } from './choose-builder.ts';
import type { BuildPlan, BuildTask, PlannedBase, Strategy } from './plan.ts';
import { type EmulationMode, type LentProgram, planEmulation } from './plan-emulation.ts';
import { type ResolvedBase, resolveBases, type WantedBase } from './resolve-bases.ts';

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
  readonly builder: 'auto' | Builder;
  readonly emulation: EmulationMode;
  readonly baseStyle: BaseStyle;
  readonly images: ImageMapping;
  /** Where static emulators are looked for before the usual places. */
  readonly emulatorDirectories: readonly string[];
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
}

export interface PlannedBuild {
  readonly plan: BuildPlan;
  readonly tasks: readonly PlannedTask[];
}

/**
 * Decides everything about a build, and changes nothing: bases are asked for, emulation is proved, texts are edited.
 *
 * @throws MabuildError `DOCKERFILE_SYNTAX`, `TARGET_NOT_FOUND`, `BASE_NOT_FOUND`, `BASE_PLATFORM_MISSING`,
 *   `EMULATION_MISSING`, `QEMU_NOT_FOUND`, `NEEDS_BUILDKIT`, each with the line it is about
 */
export async function planBuild(request: PlanRequest, world: PlanWorld): Promise<PlannedBuild> {
  const dockerfile = parseDockerfile(
    request.dockerfile,
    request.file === undefined ? {} : { file: request.file },
  );
  const builder = chooseBuilder(request.builder, world.engine.info);
  const findings: Finding[] = [...(await advice(dockerfile, request))];
  const keepSyntax = builder === 'buildkit' && (await canFetchSyntax(dockerfile, world, findings, request));
  const site: Site = { request, world, dockerfile, builder, keepSyntax, findings };
  // Every base of every platform is asked for before the first platform is looked at further.
  const bases = await resolveEverything(site);
  const tasks: PlannedTask[] = [];
  for (const [index, platform] of request.platforms.entries()) {
    tasks.push(await planTask(platform, bases[index] ?? [], site));
  }
  // All platforms see one context, and so what is added to it for any of them.
  const addedTo = tasks.some(({ build }) => build.addedFiles.length > 0) ? addedFolder : undefined;
  return {
    plan: { tasks: tasks.map(({ task }) => task), findings },
    tasks: tasks.map((task) => ({ ...task, addedFolder: addedTo })),
  };
}

/** What the rules say besides what asking the registry settles: nobody reads a warning of what was refused already. */
async function advice(dockerfile: Dockerfile, request: PlanRequest): Promise<readonly Finding[]> {
  const platforms = request.platforms.filter(({ architecture }) => architecture !== 'amd64');
  if (platforms.length === 0) return [];
  return checkDockerfile(dockerfile, {
    platforms,
    buildArgs: request.buildArgs,
    ignore: ['base-image-lacks-platform', 'copy-from-image-lacks-platform'],
  });
}

interface Site {
  readonly request: PlanRequest;
  readonly world: PlanWorld;
  readonly dockerfile: Dockerfile;
  readonly builder: Builder;
  readonly keepSyntax: boolean;
  readonly findings: Finding[];
}

function baseOptions(platform: Platform, { request, world }: Site): BaseOptions {
  return {
    platform,
    buildPlatform: world.engine.info.platform,
    buildArgs: request.buildArgs,
    target: request.target,
    baseStyle: request.baseStyle,
    images: request.images,
  };
}

async function resolveEverything(site: Site): Promise<readonly (readonly ResolvedBase[])[]> {
  const { request, world, dockerfile } = site;
  const wanted = request.platforms.map((platform) =>
    wantedImages(dockerfile, baseOptions(platform, site)).map(
      (use): WantedBase => ({
        reference: use.reference,
        platform: use.platform,
        location: locate(dockerfile, use.range),
      }),
    ),
  );
  const resolved = await resolveBases(wanted.flat(), {
    resolver: world.resolver,
    suggest: suggestReference,
    isLocal: (base) => isInEngine(base, world),
    signal: world.signal,
  });
  let next = 0;
  return wanted.map((list) => {
    const part = resolved.slice(next, next + list.length);
    next += list.length;
    return part.filter((base) => base !== undefined);
  });
}

/** `node:22` for `node:24` and linux/arm/v7. */
function suggestReference(reference: ImageReference, platform: Platform): string | undefined {
  if (reference.registry !== 'docker.io' || !reference.repository.startsWith('library/')) return undefined;
  const repository = reference.repository.slice('library/'.length);
  const tag = suggestTag(repository, reference.tag ?? 'latest', platform);
  return tag === undefined ? undefined : `${repository}:${tag}`;
}

/** People build on images that they built before and never pushed. */
async function isInEngine(base: WantedBase, { engine, signal }: PlanWorld): Promise<boolean> {
  const found = await engine.inspect(familiarReference(base.reference), {
    platform: base.platform,
    signal,
  });
  return found !== undefined && platformSatisfies(found.platform, base.platform);
}

async function canFetchSyntax(
  dockerfile: Dockerfile,
  world: PlanWorld,
  findings: Finding[],
  request: PlanRequest,
): Promise<boolean> {
  const image = syntaxImage(dockerfile);
  if (image === undefined) return false;
  try {
    await world.resolver.resolve(parseReference(image), { signal: world.signal });
    return true;
  } catch (error) {
    world.signal?.throwIfAborted();
    if (!isMabuildError(error)) throw error;
    findings.push({
      rule: 'syntax-unreachable',
      severity: 'warning',
      platforms: request.platforms,
      message: `the frontend ${image} cannot be fetched; the engine's own is used`,
      range: dockerfile.directives.find(({ name }) => name === 'syntax')?.range ?? { start: 0, end: 0 },
      fix: 'none',
      edits: [],
    });
    return false;
  }
}

async function planTask(
  platform: Platform,
  bases: readonly ResolvedBase[],
  site: Site,
): Promise<PlannedTask> {
  const { request, world, dockerfile, builder } = site;
  const { engine } = world;
  const options = baseOptions(platform, site);
  const runs = runsOnTarget(dockerfile, options);
  const emulation = await planEmulation(platform, {
    engine,
    mode: request.emulation,
    runs,
    directories: request.emulatorDirectories,
    keep: request.keepEmulator,
    signal: world.signal,
  });
  if (emulation.lent) refuseTriggers(bases);
  for (const base of bases) if (base.substitute) site.findings.push(substituteFinding(base, site));
  const prepareOptions: PrepareOptions = {
    ...options,
    builder,
    capabilities: engine.info.capabilities,
    keepSyntax: site.keepSyntax,
    bases: bases.map((base) => ({
      reference: base.reference,
      platform: base.platform,
      digest: base.root.digest,
      manifestDigest: base.manifestDescriptor.digest,
      environment: base.config.config?.Env ?? [],
    })),
    emulator: emulation.emulator,
  };
  const prepared = prepareDockerfile(dockerfile, prepareOptions);
  const finalBase = finalBaseOf(dockerfile, options, bases);
  const task: BuildTask = {
    platform,
    engine: builder,
    strategy: strategyOf(emulation.native, runs, dockerfile, options),
    dockerfile: prepared.text,
    addedFiles: prepared.addedFiles,
    buildArgs: prepared.buildArgs,
    bases: bases.map(plannedBase),
    finalBase: finalBase && plannedBase(finalBase),
    ...(emulation.lent ? { emulatorPath: emulation.lent.path } : {}),
  };
  const build: EngineBuild = {
    builder,
    platform,
    dockerfile: prepared.text,
    addedFiles: prepared.addedFiles,
    buildArgs: prepared.buildArgs,
    labels: request.labels,
    ...(prepared.target === undefined ? {} : { target: prepared.target }),
    noCache: request.noCache,
    pull: request.pull,
    network: request.network,
    bases: bases.map((base) => withDigest(base.reference, base.manifestDescriptor.digest)),
    originalLocation: (line) => lineLocation(dockerfile, prepared.originalLine(line)),
  };
  return { task, build, finalBase, emulator: emulation.lent, addedFolder: undefined };
}

function lineLocation(dockerfile: Dockerfile, line: number): SourceLocation {
  const found = dockerfile.instructions.find(
    ({ startLine, endLine }) => startLine <= line && line <= endLine,
  );
  if (found) return locate(dockerfile, found.range);
  const lineText = dockerfile.text.split('\n')[line - 1]?.replace(/\r$/, '') ?? '';
  return { ...(dockerfile.file === undefined ? {} : { file: dockerfile.file }), line, column: 1, lineText };
}

function strategyOf(native: boolean, runs: boolean, dockerfile: Dockerfile, build: BuildTarget): Strategy {
  if (native) return 'native';
  if (runs) return 'emulated';
  return dockerfile.stages.some((stage) => runsOnBuildPlatform(stage, dockerfile, build))
    ? 'cross'
    : 'native';
}

function runsOnBuildPlatform(stage: Stage, dockerfile: Dockerfile, build: BuildTarget): boolean {
  const base = resolveBase(dockerfile, stage, scopeOf(build));
  return (
    base.kind === 'image' &&
    base.platform !== undefined &&
    stage.instructions.some(({ keyword }) => keyword === 'RUN')
  );
}

/** The image at the bottom of the stage that is built. */
function finalBaseOf(
  dockerfile: Dockerfile,
  options: BaseOptions,
  bases: readonly ResolvedBase[],
): ResolvedBase | undefined {
  let stage = targetStage(dockerfile, options.target);
  for (;;) {
    const base = resolveBase(dockerfile, stage, scopeOf(options));
    if (base.kind === 'scratch') return undefined;
    if (base.kind === 'image') {
      const location = locate(dockerfile, stage.base.range);
      return bases.find(({ location: at }) => at.line === location.line && at.column === location.column);
    }
    stage = base.stage;
  }
}

function plannedBase(base: ResolvedBase): PlannedBase {
  return {
    reference: formatReference(base.reference),
    digest: base.root.digest,
    manifestDigest: base.manifestDescriptor.digest,
    platform: base.platform,
    line: base.location.line,
  };
}

/** An ONBUILD RUN of a base fires directly after FROM, before anything could be lent to it. */
function refuseTriggers(bases: readonly ResolvedBase[]): void {
  for (const base of bases) {
    const trigger = base.config.config?.OnBuild?.find((instruction) => /^\s*run\b/i.test(instruction));
    if (trigger === undefined) continue;
    throw new MabuildError(
      `${familiarReference(base.reference)} would run ${JSON.stringify(trigger)} (ONBUILD) before an emulator can be injected`,
      {
        code: 'BASE_ONBUILD_RUNS',
        hint: "register qemu with the F flag on the engine's host: then nothing need be injected",
        location: base.location,
      },
    );
  }
}

function substituteFinding(base: ResolvedBase, { dockerfile }: Site): Finding {
  const wanted = formatPlatform(base.platform);
  const found = formatPlatform(base.substitute ?? base.platform);
  return {
    rule: 'base-image-substitute',
    severity: 'warning',
    platforms: [base.platform],
    message: `${familiarReference(base.reference)} has no image for ${wanted}; its ${found} image, which runs there, is taken`,
    range: dockerfile.instructions.find(({ startLine }) => startLine === base.location.line)?.range ?? {
      start: 0,
      end: 0,
    },
    fix: 'none',
    edits: [],
  };
}
