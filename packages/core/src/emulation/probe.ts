import { formatPlatform, isMabuildError, MabuildError, type Platform } from '@mabuild/oci';
import { type BinfmtEntry, chooseBinfmt, direntNames, parseBinfmtEntries } from './binfmt.ts';
import { dumpProgram, probeExitCode, probeProgram } from './elf-program.ts';
import type { Emulation } from './emulation.ts';

/** What a tiny program did. */
export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** How the engine's host is asked. */
export interface ProbeHost {
  /** The host's own platform. */
  readonly platform: Platform;
  /** Runs a static program as the only file of a container, with a folder of the host mounted read-only if named. */
  runProgram(
    program: Uint8Array,
    platform: Platform,
    options?: { readonly arguments?: readonly string[]; readonly bind?: string },
  ): Promise<ProgramResult>;
  /** The registered formats, newest first; `undefined` when they cannot be read. */
  binfmtEntries(): Promise<readonly BinfmtEntry[] | undefined>;
}

/**
 * Says how a host runs programs of a platform, by running one.
 *
 * @throws MabuildError `BINFMT_UNREADABLE` when an interpreter is needed in the container and its path cannot be told; `PROBE_FAILED`.
 */
export async function probeEmulation(platform: Platform, host: ProbeHost): Promise<Emulation> {
  const program = probeProgram(platform);
  if (program === undefined || platform.os !== host.platform.os) return { kind: 'none' };
  const outcome = await runProbe(program, platform, host);
  if (outcome === 'refused') return { kind: 'none' };
  if (outcome === 'ran' && platform.architecture === host.platform.architecture) return { kind: 'native' };
  const entries = await host.binfmtEntries();
  const entry = entries === undefined ? undefined : chooseBinfmt(entries, program);
  if (outcome === 'ran') {
    if (entry !== undefined) return { kind: 'binfmt', interpreter: entry.interpreter };
    // A 64-bit processor may run its 32-bit sibling's programs itself.
    const sibling = siblings[host.platform.architecture] === platform.architecture;
    return entries !== undefined || sibling ? { kind: 'native' } : { kind: 'binfmt' };
  }
  if (entry !== undefined) return { kind: 'binfmt-without-f', interpreter: entry.interpreter };
  throw new MabuildError(
    `the engine's host runs ${formatPlatform(platform)} through an emulator inside the container, but its path cannot be read`,
    {
      code: 'BINFMT_UNREADABLE',
      hint: 'register the emulator with the F flag, e.g. by installing qemu-user-static and binfmt-support on that host',
    },
  );
}

const siblings: Readonly<Record<string, string>> = { amd64: '386', arm64: 'arm' };

type Outcome = 'ran' | 'refused' | 'interpreter-missing';

async function runProbe(program: Uint8Array, platform: Platform, host: ProbeHost): Promise<Outcome> {
  let said: string;
  try {
    const result = await host.runProgram(program, platform);
    if (result.exitCode === probeExitCode) return 'ran';
    // SIGILL: the processor lacks an instruction that the platform promises.
    if (result.exitCode === 132) return 'refused';
    said = `exit code ${result.exitCode}: ${result.stderr.trim()}`;
  } catch (error) {
    // Newer runtimes refuse at the start what older ones report as the program's own failure.
    if (!isMabuildError(error) || error.code !== 'ENGINE_REFUSED') throw error;
    said = error.message;
  }
  if (/exec format error/i.test(said)) return 'refused';
  if (/no such file or directory/i.test(said)) return 'interpreter-missing';
  throw new MabuildError(
    `a probe of ${formatPlatform(platform)} failed on the engine's host in an unknown way: ${said}`,
    {
      code: 'PROBE_FAILED',
      hint: 'can this engine start any container at all? Try `docker run --rm hello-world`',
    },
  );
}

/** Reads the registered formats of a host through two containers: the folder's names, then the entries. */
export async function readBinfmtThrough(
  host: Pick<ProbeHost, 'platform' | 'runProgram'>,
  directory: string,
): Promise<readonly BinfmtEntry[] | undefined> {
  const program = dumpProgram(host.platform);
  if (program === undefined) return undefined;
  try {
    const list = await host.runProgram(program, host.platform, {
      arguments: ['/binfmt'],
      bind: `${directory}:/binfmt`,
    });
    if (list.exitCode !== 0) return undefined;
    const names = direntNames(list.stdout).filter((name) => name !== 'register' && name !== 'status');
    if (names.length === 0) return [];
    const files = await host.runProgram(program, host.platform, {
      arguments: names.map((name) => `/binfmt/${name}`),
      bind: `${directory}:/binfmt`,
    });
    return files.exitCode === 0 ? parseBinfmtEntries(new TextDecoder().decode(files.stdout)) : undefined;
  } catch (error) {
    // A host without binfmt_misc, or an engine that does not bind this folder.
    if (isMabuildError(error) && error.code === 'ENGINE_REFUSED') return undefined;
    throw error;
  }
}
