import { realpath } from 'node:fs/promises';
import { type CallOptions, formatPlatform, isMabuildError, MabuildError, type Platform } from '@mabuild/oci';
import { chooseBinfmt, readBinfmtEntries } from '../../../../emulation/binfmt.ts';
import { probeProgram } from '../../../../emulation/elf-program.ts';
import type { Emulation } from '../../../../emulation/emulation.ts';
import { findQemu } from '../../../../emulation/qemu.ts';
import { canRegister } from '../container/binfmt.ts';
import type { JobEmulator } from '../helper/job.ts';
import { type ChosenSandbox, prepareSandbox, probe, type SandboxOptions, withProot } from './choose.ts';

/** How programs of a platform run here. */
export interface PlatformRun {
  readonly sandbox: ChosenSandbox;
  /** What the sandbox's own kernel table gets. */
  readonly emulators: readonly JobEmulator[];
  readonly emulation: Emulation;
  /** For commands of users that a better sandbox does not have. */
  readonly pretendsUsers?: boolean;
  /** Why there is none. */
  readonly refused?: string;
}

/** Finds out how programs of a platform run, by running one: by itself, through the machine's table, or through one of the sandbox's own. */
export async function platformRun(
  options: SandboxOptions,
  sandbox: ChosenSandbox,
  platform: Platform,
  call: CallOptions,
): Promise<PlatformRun> {
  const host = options.platform;
  const program = probeProgram(platform);
  const none = (refused: string): PlatformRun => notRun(sandbox, refused);
  if (platform.os !== host.os || program === undefined)
    return none(`${formatPlatform(platform)} cannot be run on ${host.os}`);
  if (sandbox.kind === 'proot') return await prootRun(options, sandbox, platform, call);
  const alone = await refusal(() => probe(sandbox, platform, [], call), call);
  if (alone === undefined) {
    const entry =
      platform.architecture === host.architecture
        ? undefined
        : chooseBinfmt(await readBinfmtEntries().catch(() => []), program);
    const emulation: Emulation =
      entry === undefined ? { kind: 'native' } : { kind: 'binfmt', interpreter: entry.interpreter };
    return { sandbox, emulators: [], emulation };
  }
  if (!canRegister(platform.architecture)) return none(alone);
  try {
    const file = await findQemu({ platform, host, directories: options.emulators });
    const emulators = [{ architecture: platform.architecture, file }];
    // The table of root's own namespace is the machine's: that one is left alone.
    const own =
      sandbox.kind === 'user-namespace'
        ? sandbox
        : await prepareSandbox(options, 'user-namespace', 'overlay');
    await probe(own, platform, emulators, call);
    return { sandbox: own, emulators, emulation: { kind: 'binfmt', interpreter: file } };
  } catch (error) {
    call.signal?.throwIfAborted();
    if (!isMabuildError(error)) throw error;
    const found = await throughProot(options, platform, call);
    if (found.emulation.kind !== 'none') return found;
    return none(`${alone}; with an emulator of its own: ${error.message}; with proot: ${found.refused}`);
  }
}

/** Where the kernel's table cannot be added to, as for root in a container without privileges. */
export async function throughProot(
  options: SandboxOptions,
  platform: Platform,
  call: CallOptions,
): Promise<PlatformRun> {
  const sandbox = await prepareSandbox(options, 'proot', 'copy');
  try {
    return await prootRun(options, await withProot(sandbox, options), platform, call);
  } catch (error) {
    if (!isMabuildError(error)) throw error;
    return notRun(sandbox, error.message);
  }
}

/** Under proot nobody asks the kernel's table: a program of another architecture is always started through an emulator. */
async function prootRun(
  options: SandboxOptions,
  sandbox: ChosenSandbox,
  platform: Platform,
  call: CallOptions,
): Promise<PlatformRun> {
  const host = options.platform;
  const alone = await refusal(() => probe(sandbox, platform, [], call), call);
  if (alone === undefined) return { sandbox, emulators: [], emulation: { kind: 'native' } };
  try {
    const interpreter = await findQemu({ platform, host, directories: options.emulators });
    // Proot looks for where it really lies, also when the cache is a link to another disk.
    const emulators = [{ architecture: platform.architecture, file: await realpath(interpreter) }];
    await probe(sandbox, platform, emulators, call);
    return { sandbox, emulators, emulation: { kind: 'started-through', interpreter } };
  } catch (error) {
    call.signal?.throwIfAborted();
    if (!isMabuildError(error)) throw error;
    return notRun(sandbox, error.message);
  }
}

function notRun(sandbox: ChosenSandbox, refused: string): PlatformRun {
  return { sandbox, emulators: [], refused, emulation: { kind: 'none', why: refused } };
}

/** The error of a platform that does not run. */
export function platformRefused(platform: Platform, refused: string): MabuildError {
  return new MabuildError(`programs for ${formatPlatform(platform)} do not run in the sandbox: ${refused}`, {
    code: 'EMULATION_MISSING',
    hint: '`mabuild emulator fetch` gets a static qemu, or name one with --qemu; before Linux 6.7 install qemu-user-static and binfmt-support as root',
  });
}

async function refusal(work: () => Promise<void>, { signal }: CallOptions): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    if (!isMabuildError(error)) throw error;
    return error.message;
  }
}
