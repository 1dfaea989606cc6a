import { type CallOptions, formatPlatform, MabuildError, type Platform } from '@mabuild/oci';
import { findQemu, qemuDirectories } from '../emulation/qemu.ts';
import type { Engine } from '../engines/engine.ts';
import type { Emulator } from '../transforms/index.ts';

/** `auto` injects only where the kernel needs it; `off` refuses foreign RUN steps. */
export type EmulationMode = 'auto' | 'binfmt' | 'inject' | 'off';

/** An emulator of this machine, and where the host's kernel looks for it in the container. */
export interface LentProgram {
  readonly file: string;
  readonly path: string;
}

export interface EmulationPlan {
  /** The host's own processor runs the platform. */
  readonly native: boolean;
  /** What the Dockerfile needs. */
  readonly emulator: Emulator | undefined;
  readonly lent: LentProgram | undefined;
}

export interface PlanEmulationOptions extends CallOptions {
  readonly engine: Engine;
  readonly mode: EmulationMode;
  /** The build executes programs of the platform. */
  readonly runs: boolean;
  /** Searched for static emulators before the usual places. */
  readonly directories: readonly string[];
  /** The image shall carry its emulator, needed or not. */
  readonly keep: boolean;
}

/**
 * Decides how a platform's RUN steps execute on the engine's host.
 * @throws MabuildError `EMULATION_MISSING` with what to do, `QEMU_NOT_FOUND`
 */
export async function planEmulation(
  platform: Platform,
  options: PlanEmulationOptions,
): Promise<EmulationPlan> {
  const { engine, mode, runs } = options;
  const own = engine.info.platform;
  if (!runs)
    return { native: own.architecture === platform.architecture, emulator: undefined, lent: undefined };
  const emulation = await engine.emulation(platform, options);
  if (emulation.kind === 'native') return { native: true, emulator: undefined, lent: undefined };
  if (mode === 'off')
    throw missing(platform, engine, 'emulation is switched off', 'leave out --emulation off');
  if (emulation.kind === 'none') {
    throw missing(
      platform,
      engine,
      emulation.why ?? 'no emulator is registered there',
      engine.info.kind === 'embedded'
        ? '`mabuild emulator fetch` gets static qemu programs; `mabuild doctor` shows what runs here'
        : "install qemu-user-static and binfmt-support on the engine's host; `mabuild doctor` shows what it runs",
    );
  }
  // qemu's default processor would run v7 code that no v6 board runs.
  const environment =
    platform.architecture === 'arm' && platform.variant === 'v6' ? { QEMU_CPU: 'arm1176' } : {};
  const inject = emulation.kind === 'binfmt-without-f' || mode === 'inject' || options.keep;
  if (!inject) return { native: false, emulator: { environment }, lent: undefined };
  if (mode === 'binfmt') {
    throw missing(
      platform,
      engine,
      `its kernel looks for ${emulation.interpreter} inside the container`,
      'leave out --emulation binfmt, or register qemu with the F flag',
    );
  }
  if (emulation.interpreter === undefined) {
    throw missing(platform, engine, 'its interpreter is unknown', 'leave out --emulation inject');
  }
  const directories = options.directories.length > 0 ? options.directories : qemuDirectories;
  const file = await findQemu({ platform, host: own, directories });
  const lent = { file, path: emulation.interpreter };
  return { native: false, emulator: { inject: { ...lent, keep: options.keep }, environment }, lent };
}

function missing(platform: Platform, engine: Engine, why: string, hint: string): MabuildError {
  const host = `${engine.info.endpoint} (${formatPlatform(engine.info.platform)})`;
  return new MabuildError(
    `RUN steps for ${formatPlatform(platform)} cannot run on the host of ${host}: ${why}`,
    {
      code: 'EMULATION_MISSING',
      hint,
    },
  );
}
