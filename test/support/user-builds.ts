import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { BuildAnswer, BuildJob } from './build-driver.ts';
import { bundled, helperFolder, removeFolder } from './sandbox.ts';
import { onlyFor, type SandboxUser, type UserCommand, userCommand } from './sandbox-users.ts';

/** Builds with the embedded engine as several users, in every sandbox. */
export interface UserBuilds extends UserCommand {
  /** A folder that all of them can read. */
  readonly root: string;
  /** @param cache name of a cache in the user's own folder, or its path */
  build(
    user: SandboxUser,
    cache: string,
    job: Omit<BuildJob, 'helper' | 'directory' | 'options'>,
  ): Promise<BuildAnswer>;
  remove(): Promise<void>;
}

export async function userBuilds(): Promise<UserBuilds> {
  const { folder: root, helper } = await helperFolder();
  const driver = await bundled('test/support/build-driver.ts', root);
  const as = await userCommand(root);
  return {
    ...as,
    root,
    async build(user, cache, job) {
      const [command = '', ...args] = as.command(user, [process.execPath, driver]);
      const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/' });
      const options = { only: onlyFor(user) };
      const whole: BuildJob = { ...job, helper, directory: resolve(as.folder(user), cache), options };
      child.stdin.end(JSON.stringify(whole));
      const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
      if (output === '') throw new Error(`the driver said: ${errors}`);
      return JSON.parse(output) as BuildAnswer;
    },
    remove: () => removeFolder(root),
  };
}
