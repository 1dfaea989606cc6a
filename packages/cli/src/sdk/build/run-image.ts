import { type Engine, findQemu } from '@mabuild/core';
import {
  formatPlatform,
  formatReference,
  isMabuildError,
  MabuildError,
  type Platform,
  parseReference,
  withDigest,
} from '@mabuild/oci';
import { platformManifest } from '../images/inspect.ts';
import { emulatorFolders } from '../programs.ts';
import { type Toolbox, withToolbox } from '../toolbox.ts';
import { runEmbedded } from './run-embedded.ts';
import type { RunOptions, RunRequest } from './run-request.ts';

/**
 * Starts one platform's image on the engine and waits for its end.
 *
 * The engine pulls the platform's own manifest by its digest, so that no other architecture can be taken by mistake. The
 * embedded engine gives its program the signal of an abort first, and ends it ten seconds later.
 * @returns the program's exit code
 * @throws MabuildError `EMULATION_MISSING`, `PLATFORM_MISSING`, `QEMU_NOT_FOUND`, `ENGINE_CANNOT`, `SANDBOX_UNAVAILABLE`
 */
export async function runImage(request: RunRequest, options: RunOptions = {}): Promise<number> {
  return withToolbox(options, async (toolbox) => {
    const engine = await openEngine(toolbox, request);
    if (engine === undefined) return await runEmbedded(request, toolbox, options);
    const platform = request.platform ?? engine.info.platform;
    const emulator = await emulatorMount(engine, platform, request, toolbox, options);
    const image = await imageForPlatform(engine, platform, request, toolbox, options);
    const running = engine.run(
      {
        image,
        platform,
        ...(request.entrypoint ? { entrypoint: request.entrypoint } : {}),
        ...(request.command && request.command.length > 0 ? { command: request.command } : {}),
        environment: { ...emulator.environment, ...request.environmentVariables },
        binds: [...emulator.binds, ...(request.volumes ?? [])],
        ports: request.ports ?? [],
        network: request.network ?? 'default',
      },
      { signal: options.signal, onOutput: options.onOutput, input: options.input },
    );
    const result = await running.catch((error: unknown) => notStarted(error, options));
    return result.exitCode;
  });
}

/** A program that the engine cannot start has docker's exit code: 127 when it is not there, 126 otherwise. */
function notStarted(error: unknown, { onOutput }: RunOptions): { readonly exitCode: number } {
  const said = isMabuildError(error) && error.code === 'ENGINE_REFUSED' ? error.message : '';
  const [, program, reason] = /exec: "([^"]*)": (.*?)(?:: unknown|\s*\(HTTP|$)/.exec(said) ?? [];
  if (program === undefined || reason === undefined) throw error;
  onOutput?.('stderr', Buffer.from(`mabuild: could not start ${program}: ${reason}\n`));
  return { exitCode: /not found|no such file/i.test(reason) ? 127 : 126 };
}

/** `undefined` for the embedded engine. */
async function openEngine(toolbox: Toolbox, request: RunRequest): Promise<Engine | undefined> {
  if (request.engine === 'embedded' || isPlace(request.reference)) return undefined;
  try {
    return await toolbox.openEngine();
  } catch (error) {
    const isLinux = toolbox.environment.operatingSystem === 'linux';
    if (isLinux && isMabuildError(error) && error.code === 'NO_ENGINE') return undefined;
    throw error;
  }
}

/** A folder or file: a Docker Engine has its own images and those of registries. */
function isPlace(reference: string): boolean {
  return /^(?:oci|oci-archive|docker-archive):./.test(reference);
}

interface EmulatorMount {
  readonly binds: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

async function emulatorMount(
  engine: Engine,
  platform: Platform,
  request: RunRequest,
  toolbox: Toolbox,
  options: RunOptions,
): Promise<EmulatorMount> {
  const emulation = await engine.emulation(platform, { signal: options.signal });
  if (emulation.kind === 'native') return { binds: [], environment: {} };
  // qemu's default processor runs v7 code in a v6 image, which no v6 board does.
  const environment = platform.variant === 'v6' ? { QEMU_CPU: 'arm1176' } : {};
  if (emulation.kind === 'binfmt') return { binds: [], environment: environment as Record<string, string> };
  if (emulation.kind === 'none') throw emulationMissing(engine, platform);
  if (!engine.info.local) {
    throw new MabuildError(
      `running ${formatPlatform(platform)} on ${engine.info.endpoint}: its host looks for ${emulation.interpreter} inside the container, and a file of this machine cannot be mounted there`,
      { code: 'EMULATION_MISSING', hint: "register qemu with the F flag on the engine's host" },
    );
  }
  const directories = emulatorFolders(toolbox.environment, request.qemu);
  const file = await findQemu({ platform, host: engine.info.platform, directories });
  return {
    binds: [`${file}:${emulation.interpreter}:ro`],
    environment: environment as Record<string, string>,
  };
}

/** Why a platform cannot run on an engine's host, and what to do. */
function emulationMissing(engine: Engine, platform: Platform): MabuildError {
  const name = formatPlatform(platform);
  return new MabuildError(
    `the host of ${engine.info.endpoint} (${formatPlatform(engine.info.platform)}) cannot run ${name} programs`,
    {
      code: 'EMULATION_MISSING',
      hint: 'register qemu on that host, e.g. `apt-get install qemu-user-static binfmt-support`; `mabuild doctor` shows what it runs',
    },
  );
}

async function imageForPlatform(
  engine: Engine,
  platform: Platform,
  request: RunRequest,
  toolbox: Toolbox,
  options: RunOptions,
): Promise<string> {
  const local = await engine.inspect(request.reference, { platform, signal: options.signal });
  if (local && formatPlatform(local.platform) === formatPlatform(platform)) return local.id;
  const reference = parseReference(request.reference);
  const source = await (await toolbox.registry(engine.info)).resolve(reference, { signal: options.signal });
  const manifest = await platformManifest(source, platform, { reference, signal: options.signal });
  const pinned = withDigest(reference, manifest.digest);
  await engine.pull(pinned, { credentials: toolbox.credentials, platform, signal: options.signal });
  const name = formatReference({
    registry: pinned.registry,
    repository: pinned.repository,
    digest: manifest.digest,
  });
  const pulled = await engine.inspect(name, { signal: options.signal });
  return pulled?.id ?? name;
}
