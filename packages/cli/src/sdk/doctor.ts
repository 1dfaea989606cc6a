import { type Emulation, type EngineInfo, findQemu, type SandboxChoice } from '@mabuild/core';
import { formatPlatform, isMabuildError, type Platform, parsePlatform } from '@mabuild/oci';
import { findLeftovers } from './leftovers.ts';
import { machineOf } from './machine.ts';
import { emulatorFolders, prootPlaces } from './programs.ts';
import { sandboxOf } from './sandbox.ts';
import { sandboxAdvice, sandboxFacts } from './sandbox-advice.ts';
import { type SdkOptions, type Toolbox, withToolbox } from './toolbox.ts';
import { thisUser } from './user.ts';

/** What the machine offers for building, and what to do about what it lacks. */
export interface DoctorReport {
  readonly engine: EngineInfo | undefined;
  /** Why there is none. */
  readonly engineProblem: string | undefined;
  /** `mabuild build` works here, RUN included: with an engine, or without one and in a sandbox. */
  readonly builds: boolean;
  /** Where RUN would be executed without an engine, in the order in which they were tried; looked at only when there is none. */
  readonly sandboxes?: SandboxChoice['tried'] | undefined;
  readonly platforms: readonly PlatformSupport[];
  /** Registries that credentials are known for; never the credentials. */
  readonly credentials: readonly string[];
  readonly mirrors: readonly string[];
  readonly cacheDirectory: string;
  /** What runs left that were killed; the next build deletes it, and `cache prune`. */
  readonly leftovers: readonly string[];
  /** What to do next, a sentence each. */
  readonly advice: readonly string[];
}

export interface PlatformSupport {
  readonly platform: string;
  readonly emulation: Emulation['kind'];
  readonly interpreter?: string | undefined;
  /** Why nothing runs. */
  readonly why?: string | undefined;
  /** The static qemu that would be injected. */
  readonly qemu?: string | undefined;
}

const examined: readonly string[] = ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/arm/v6'];

/** Examines engine, emulation and credentials; changes nothing. */
export async function examine(
  request: { readonly qemu?: string | undefined },
  options: SdkOptions = {},
): Promise<DoctorReport> {
  return withToolbox(options, async (toolbox) => {
    const common = {
      credentials: toolbox.dockerConfig.hosts,
      mirrors: Object.entries(toolbox.config.registries ?? {}).flatMap(([host, { mirrors }]) =>
        (mirrors ?? []).map((url) => `${host} through ${url}`),
      ),
      cacheDirectory: toolbox.environment.cacheDirectory,
      leftovers: await findLeftovers(toolbox.environment),
    };
    try {
      return { ...common, ...(await examineEngine(toolbox, request, options)) };
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!isMabuildError(error)) throw error;
      const embedded = await examineSandbox(toolbox, request, options);
      // An engine that was named and does not answer is not replaced.
      const builds =
        error.code === 'NO_ENGINE' &&
        embedded.sandboxes?.some(({ refused }) => refused === undefined) === true;
      const engine = error.hint ?? 'start Docker';
      const advice = builds
        ? [
            'build with -o oci:DIR or --push: that needs no Docker, the embedded engine does it',
            `for --load: ${engine}`,
          ]
        : [engine, 'or build without Docker: `mabuild build --engine embedded` with -o oci:DIR or --push'];
      return {
        ...{ ...common, engine: undefined, engineProblem: error.message, builds, ...embedded },
        advice: [...advice, ...embedded.advice],
      };
    }
  });
}

/** What RUN of the embedded engine can do here. */
async function examineSandbox(
  toolbox: Toolbox,
  { qemu = toolbox.config.qemu }: { readonly qemu?: string | undefined },
  { signal }: SdkOptions,
): Promise<Pick<DoctorReport, 'sandboxes' | 'platforms' | 'advice'>> {
  const { environment } = toolbox;
  const platform = machineOf(environment.architecture);
  const sandbox = sandboxOf(environment, { platform, helper: toolbox.sandboxHelper, qemu });
  if (sandbox === undefined) return { platforms: [], advice: [] };
  const choice = await sandbox.choice({ signal });
  const proots = prootPlaces(environment, qemu);
  const own = sandboxAdvice(choice, await sandboxFacts(environment.variables, thisUser(), proots));
  if (choice.chosen === undefined) return { sandboxes: choice.tried, platforms: [], advice: own };
  const advice: string[] = [];
  const platforms: PlatformSupport[] = [];
  for (const wanted of examined.map((text) => parsePlatform(text))) {
    const emulation = await sandbox.emulation(wanted, { signal });
    const name = formatPlatform(wanted);
    platforms.push({
      ...{ platform: name, emulation: emulation.kind },
      interpreter: 'interpreter' in emulation ? emulation.interpreter : undefined,
      why: 'why' in emulation ? emulation.why : undefined,
    });
    if (emulation.kind === 'none')
      advice.push(
        `RUN for ${name} cannot work: \`mabuild emulator fetch\` gets a static qemu, or name one with --qemu`,
      );
  }
  return { sandboxes: choice.tried, platforms, advice: [...advice, ...own] };
}

async function examineEngine(
  toolbox: Toolbox,
  request: { readonly qemu?: string | undefined },
  options: SdkOptions,
): Promise<Pick<DoctorReport, 'engine' | 'engineProblem' | 'builds' | 'platforms' | 'advice'>> {
  const engine = await toolbox.openEngine();
  const platforms: PlatformSupport[] = [];
  const advice: string[] = [];
  for (const platform of examined.map((text) => parsePlatform(text))) {
    const emulation = await engine.emulation(platform, { signal: options.signal });
    const qemu =
      emulation.kind === 'native'
        ? undefined
        : await emulatorFor(platform, engine.info, emulatorFolders(toolbox.environment, request.qemu));
    const name = formatPlatform(platform);
    platforms.push({
      platform: name,
      emulation: emulation.kind,
      interpreter: 'interpreter' in emulation ? emulation.interpreter : undefined,
      qemu,
    });
    if (emulation.kind === 'none') {
      advice.push(
        `RUN for ${name} cannot work: install qemu-user-static and binfmt-support on the engine's host`,
      );
    }
    if (emulation.kind === 'binfmt-without-f' && qemu === undefined) {
      advice.push(
        `builds for ${name} need a static qemu to inject: \`mabuild emulator fetch\` gets one, or use --qemu DIR`,
      );
    }
  }
  if (!engine.info.builders.includes('buildkit')) {
    advice.push('this engine has no BuildKit: RUN --mount, heredocs and COPY --link are refused or lowered');
  }
  return { engine: engine.info, engineProblem: undefined, builds: true, platforms, advice };
}

async function emulatorFor(
  platform: Platform,
  info: EngineInfo,
  directories: readonly string[],
): Promise<string | undefined> {
  try {
    return await findQemu({ platform, host: info.platform, directories });
  } catch (error) {
    if (isMabuildError(error)) return undefined;
    throw error;
  }
}
