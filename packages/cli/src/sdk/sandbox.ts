import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Claim, createSandbox, type Sandbox, type SandboxOptions } from '@mabuild/core';
import type { Memory, Platform } from '@mabuild/oci';
import type { Environment } from './environment.ts';
import { emulatorFolders, prootPlaces } from './programs.ts';
import { thisUser } from './user.ts';

export interface SandboxPlace {
  /** Of this machine. */
  readonly platform: Platform;
  /** The helper's module. @default `mabuild/sandbox-helper` as the working directory finds it */
  readonly helper: URL | undefined;
  /** Folder of static qemu programs. @default the usual ones, and what was fetched */
  readonly qemu: string | undefined;
  /** Knows what worked in earlier builds. @default everything is tried */
  readonly memory?: Memory | undefined;
  /** Says what is used of the cache. @default nobody deletes from it */
  readonly claim?: Claim | undefined;
}

type Machine = Pick<Environment, 'cacheDirectory' | 'operatingSystem' | 'variables' | 'workingDirectory'>;

/** The sandbox of this machine; none where it is no Linux, and without a helper. */
export function sandboxOf(environment: Machine, place: SandboxPlace): Sandbox | undefined {
  const options = sandboxOptions(environment, place);
  return options && createSandbox(options);
}

/** What sandboxes of this machine are made with. */
export function sandboxOptions(
  environment: Machine,
  { platform, helper, qemu, memory, claim }: SandboxPlace,
): SandboxOptions | undefined {
  if (environment.operatingSystem !== 'linux') return undefined;
  const file = helper ? fileURLToPath(helper) : installedHelper(environment.workingDirectory);
  if (file === undefined) return undefined;
  const { uid, gid, name: userName } = thisUser();
  return {
    // As it is written, it needs what this process was started with.
    helper: [process.execPath, ...(file.endsWith('.ts') ? process.execArgv : []), file],
    directory: join(environment.cacheDirectory, 'sandbox'),
    ...{ platform, memory, claim },
    ...{ uid, gid, userName },
    emulators: emulatorFolders(environment, qemu),
    proot: prootPlaces(environment, qemu),
  };
}

/** A program that bundles the SDK still needs the helper as a file: that of the package beside it. */
function installedHelper(directory: string): string | undefined {
  try {
    return createRequire(join(directory, 'program.js')).resolve('mabuild/sandbox-helper');
  } catch {
    return undefined;
  }
}
