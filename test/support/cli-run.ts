import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate as tick } from 'node:timers/promises';
import { runProgram } from '../../packages/cli/src/program.ts';
import { fakeIo } from './io.ts';

/** What a command that ran in this process left. */
export interface CliAnswer {
  readonly code: number;
  readonly stdout: string;
  /** Standard output, byte for byte. */
  readonly bytes: Buffer;
  readonly stderr: string;
}

/** Runs a command in this process, with a home and a working folder of its own. */
export async function runCli(
  directory: string,
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<CliAnswer> {
  const out = new PassThrough();
  const chunks: Buffer[] = [];
  out.on('data', (chunk: Buffer) => chunks.push(chunk));
  const world = fakeIo({
    workingDirectory: directory,
    environment: { HOME: directory, MABUILD_CACHE: join(directory, 'cache'), ...environment },
    stdout: out,
  });
  const code = await runProgram(world.io, argv);
  await tick();
  const bytes = Buffer.concat(chunks);
  return { code, stdout: bytes.toString('utf8'), bytes, stderr: world.stderr() };
}
