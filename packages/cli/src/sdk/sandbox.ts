import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSandbox, qemuDirectories, type Sandbox } from '@mabuild/core';
import type { Platform } from '@mabuild/oci';
import type { Environment } from './environment.ts';

/** The sandbox of this machine; none where it is no Linux. */
export function sandboxOf(
  environment: Pick<Environment, 'cacheDirectory' | 'operatingSystem'>,
  platform: Platform,
  qemu: string | undefined,
): Sandbox | undefined {
  if (environment.operatingSystem !== 'linux') return undefined;
  const { uid, gid, username } = userInfo();
  return createSandbox({
    helper: helperCommand(),
    directory: join(environment.cacheDirectory, 'sandbox'),
    platform,
    pid: process.pid,
    ...{ uid, gid, userName: username },
    emulators: qemu === undefined ? qemuDirectories : [qemu],
  });
}

/** Node and the helper's module: beside the bundled command, or one folder above as it is compiled or written. */
function helperCommand(): readonly string[] {
  const written = import.meta.url.endsWith('.ts');
  const places = written ? ['../sandbox-helper.ts'] : ['./sandbox-helper.js', '../sandbox-helper.js'];
  const files = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const file = files.find((path) => existsSync(path)) ?? files[0] ?? '';
  // As it is written, it needs what this process was started with.
  return [process.execPath, ...(written ? process.execArgv : []), file];
}
