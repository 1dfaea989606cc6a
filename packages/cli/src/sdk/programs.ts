import { isAbsolute, join } from 'node:path';
import {
  type FetchableProgram,
  fetchPrograms,
  findQemu,
  type ProgramFiles,
  type ProotPlace,
  programsIn,
  qemuDirectories,
} from '@mabuild/core';
import { formatPlatform, isMabuildError, type Platform, parsePlatform } from '@mabuild/oci';
import { type Environment, environmentOf } from './environment.ts';
import { machineOf } from './machine.ts';
import type { SdkOptions } from './toolbox.ts';

/** What to fetch. */
export interface FetchEmulatorsRequest {
  /** @default ['qemu', 'proot'] */
  readonly programs?: readonly FetchableProgram[] | undefined;
}

/** What was fetched, and where builds find it. */
export interface FetchedEmulators {
  /** Static qemu programs by the platform that they run. */
  readonly qemu: readonly { readonly platform: string; readonly file: string }[];
  /** The program that makes a sandbox where the kernel gives an ordinary user none. */
  readonly proot: string | undefined;
}

/** Platforms that are not this machine's own, of those that images are made for. */
const foreign: readonly string[] = [
  'linux/amd64',
  'linux/386',
  'linux/arm64',
  'linux/arm/v7',
  'linux/riscv64',
  'linux/ppc64le',
  'linux/s390x',
];

/**
 * Fetches static qemu programs and proot as Debian packages into the cache, where every later build finds them; as any user,
 * and nothing is installed.
 *
 * @throws MabuildError `APT_NOT_FOUND`, `APT_FAILED`
 */
export async function fetchEmulators(
  { programs = ['qemu', 'proot'] }: FetchEmulatorsRequest = {},
  options: Pick<SdkOptions, 'environment' | 'signal'> = {},
): Promise<FetchedEmulators> {
  const environment = environmentOf(options.environment);
  const directory = programsDirectory(environment);
  const files = await fetchPrograms(
    { programs, directory, variables: environment.variables },
    { signal: options.signal },
  );
  const host = machineOf(environment.architecture);
  const qemu: { readonly platform: string; readonly file: string }[] = [];
  for (const platform of programs.includes('qemu') ? foreign.map((text) => parsePlatform(text)) : []) {
    const file = await qemuFor(platform, host, files);
    if (file !== undefined) qemu.push({ platform: formatPlatform(platform), file });
  }
  return { qemu, proot: programs.includes('proot') ? files.proot : undefined };
}

/** Where emulators are looked for: the folder that was named, else those of the system and what was fetched. */
export function emulatorFolders(
  environment: Pick<Environment, 'cacheDirectory'>,
  qemu: string | undefined,
): readonly string[] {
  if (qemu !== undefined) return [qemu];
  return [...qemuDirectories, programsIn(programsDirectory(environment)).emulators];
}

/** Where proot is looked for: in the folder that was named, in PATH, and among what was fetched. */
export function prootPlaces(
  environment: Pick<Environment, 'cacheDirectory' | 'variables'>,
  qemu: string | undefined,
): readonly ProotPlace[] {
  const folders = [...(qemu === undefined ? [] : [qemu]), ...(environment.variables.PATH ?? '').split(':')];
  const { proot, prootLibraries } = programsIn(programsDirectory(environment));
  return [
    ...folders.filter((folder) => isAbsolute(folder)).map((folder) => ({ file: join(folder, 'proot') })),
    { file: proot, libraries: prootLibraries },
  ];
}

/** The folder of fetched programs. */
function programsDirectory({ cacheDirectory }: Pick<Environment, 'cacheDirectory'>): string {
  return join(cacheDirectory, 'programs');
}

async function qemuFor(
  platform: Platform,
  host: Platform,
  { emulators }: ProgramFiles,
): Promise<string | undefined> {
  if (platform.architecture === host.architecture) return undefined;
  try {
    return await findQemu({ platform, host, directories: [emulators] });
  } catch (error) {
    if (isMabuildError(error)) return undefined;
    throw error;
  }
}
