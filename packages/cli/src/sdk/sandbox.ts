import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Claim, createSandbox, type Sandbox, type SandboxOptions } from '@mabuild/core';
import type { Memory, Platform } from '@mabuild/oci';
import { codeDirectory, type Environment } from './environment.ts';
import { emulatorFolders, prootPlaces } from './programs.ts';
import { thisUser } from './user.ts';

export interface SandboxPlace {
  /** Of this machine. */
  readonly platform: Platform;
  /** The helper's module. @default `mabuild/sandbox-helper` as the program that runs finds it */
  readonly helper: URL | undefined;
  /** Folder of static qemu programs. @default the usual ones, and what was fetched */
  readonly qemu: string | undefined;
  /** Knows what worked in earlier builds. @default everything is tried */
  readonly memory?: Memory | undefined;
  /** Says what is used of the cache. @default nobody deletes from it */
  readonly claim?: Claim | undefined;
}

type Machine = Pick<Environment, 'cacheDirectory' | 'operatingSystem' | 'variables'>;

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
  const file = helper ? fileURLToPath(helper) : installedHelper();
  if (file === undefined) return undefined;
  const { uid, gid, name: userName } = thisUser();
  return {
    // As it is written, it needs what this process was started with.
    helper: [
      ...[process.execPath, ...(file.endsWith('.ts') ? process.execArgv : []), file],
      `--code=${codeDirectory(environment)}`,
    ],
    directory: join(environment.cacheDirectory, 'sandbox'),
    ...{ platform, memory, claim },
    ...{ uid, gid, userName },
    emulators: emulatorFolders(environment, qemu),
    proot: prootPlaces(environment, qemu),
  };
}

/**
 * A program that bundles the SDK still needs the helper as a file: that of the package beside it. Not that of the working
 * directory: it may be what is built, and nobody has to trust that.
 */
function installedHelper(): string | undefined {
  const [, program] = process.argv;
  if (program === undefined || !isAbsolute(program)) return undefined;
  for (const place of [() => program, () => realpathSync(program)]) {
    try {
      return createRequire(place()).resolve('mabuild/sandbox-helper');
    } catch {
      // The next place may know it.
    }
  }
  return undefined;
}
