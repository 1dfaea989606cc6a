import { formatPlatform, type Platform, type SourceLocation, withDigest } from '@mabuild/oci';
import type { ResolvedBase } from '../bases/resolve-bases.ts';
import { addedFolder } from '../context/added-folder.ts';
import { resolveBase } from '../dockerfile/base.ts';
import { type BuildTarget, scopeOf } from '../dockerfile/image-uses.ts';
import { locate } from '../dockerfile/location.ts';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import type { Builder, EngineBuild } from '../engines/engine.ts';
import { fixDockerfile } from '../migrate.ts';
import { type Finding, isMadeUnasked } from '../rules/rule.ts';
import {
  type BaseOptions,
  type PrepareOptions,
  prepareDockerfile,
  runsOnTarget,
  syntaxImage,
} from '../transforms/index.ts';
import { askForBases, finalBaseOf, plannedBase, refuseTriggers } from './ask-for-bases.ts';
import { chooseBuilder } from './choose-builder.ts';
import type { BuildTask, Strategy } from './plan.ts';
import { planEmulation } from './plan-emulation.ts';
import { advice, refuseFolders, refuseFrontend, substituteFinding, syntaxFinding } from './plan-findings.ts';
import type { PlannedBuild, PlannedTask, PlanRequest, PlanWorld } from './plan-request.ts';
import { isRepeatable } from './repeatable.ts';

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
  if (builder === 'embedded') refuseFrontend(dockerfile);
  else refuseFolders(request, builder);
  const targets = request.platforms.map((platform) => baseOptions(platform, request, world));
  const files = await Promise.all(
    request.platforms.map((platform) => fixedFor(dockerfile, platform, request)),
  );
  const [found, unfetched, bases] = await Promise.all([
    advice(dockerfile, request),
    builder === 'buildkit' ? syntaxFinding(dockerfile, request, world) : undefined,
    // Every base of every platform is asked for before the first platform is looked at further.
    askForBases(
      targets.map((options, index) => ({ dockerfile: files[index] ?? dockerfile, options })),
      { ...world, builder },
    ),
  ]);
  // Nobody but BuildKit can use another frontend than its own.
  const keepSyntax =
    builder === 'buildkit' && syntaxImage(dockerfile) !== undefined && unfetched === undefined;
  const tasks = await Promise.all(
    targets.map((options, index) => {
      const site: Site = { request, world, dockerfile: files[index] ?? dockerfile, builder, keepSyntax };
      return planTask(options, bases[index] ?? [], site);
    }),
  );
  const substitutes = bases.flat().filter((base) => base.substitute !== undefined);
  const findings: Finding[] = [
    ...found.filter(({ fix }) => !request.fix || !isMadeUnasked(fix)),
    ...(unfetched ? [unfetched] : []),
    ...substitutes.map((base) => substituteFinding(base, dockerfile)),
  ];
  // All platforms see one context, and so what is added to it for any of them.
  const addedTo = tasks.some(({ build }) => build.addedFiles.length > 0) ? addedFolder : undefined;
  return {
    plan: { tasks: tasks.map(({ task }) => task), findings },
    tasks: tasks.map((task) => ({ ...task, addedFolder: addedTo })),
  };
}

/** What a platform's build reads: the file as it is, or with the fixes that migrate would make for it. */
async function fixedFor(
  dockerfile: Dockerfile,
  platform: Platform,
  { fix, buildArgs }: PlanRequest,
): Promise<Dockerfile> {
  if (!fix || platform.architecture === 'amd64') return dockerfile;
  const text = await fixDockerfile(dockerfile.text, platform, { buildArgs, file: dockerfile.file });
  if (text === dockerfile.text) return dockerfile;
  const file = `${dockerfile.file ?? 'Dockerfile'} fixed for ${formatPlatform(platform)}`;
  return parseDockerfile(text, { file });
}

interface Site {
  readonly request: PlanRequest;
  readonly world: PlanWorld;
  readonly dockerfile: Dockerfile;
  readonly builder: Builder;
  readonly keepSyntax: boolean;
}

function baseOptions(platform: Platform, request: PlanRequest, world: PlanWorld): BaseOptions {
  return {
    platform,
    buildPlatform: world.engine.info.platform,
    buildArgs: request.buildArgs,
    target: request.target,
    contexts: request.contexts,
    baseStyle: request.baseStyle,
    images: request.images,
  };
}

async function planTask(
  options: BaseOptions,
  bases: readonly ResolvedBase[],
  site: Site,
): Promise<PlannedTask> {
  const { request, world, dockerfile, builder } = site;
  const { engine } = world;
  const { platform } = options;
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
    settings: request.settings,
    ...(request.cacheFrom === undefined ? {} : { cacheFrom: request.cacheFrom }),
    bases: bases.map((base) => withDigest(base.reference, base.manifestDescriptor.digest)),
    ...(request.folders === undefined ? {} : { folders: request.folders }),
    originalLocation: (line) => lineLocation(dockerfile, prepared.originalLine(line)),
  };
  const repeatable = isRepeatable(prepared.text, { ...options, target: prepared.target }, bases);
  return { task, build, finalBase, emulator: emulation.lent, addedFolder: undefined, repeatable };
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
