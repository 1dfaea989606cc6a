import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import type { CompiledCode } from './compiled-code.ts';
import { processIo } from './io.ts';
import { version } from './version.ts';

/** Names the bundle that this file belongs to by its content; written by what makes it. */
declare const bundleName: string | undefined;

/** Modules that run beside the command: bundled, compiled or as they are written, they lie beside this one. */
const isWritten = import.meta.url.endsWith('.ts');
const besides = {
  // Threads load modules as Node does, so not those that are run as they are written.
  checkWorker: isWritten ? undefined : new URL('./check-worker.js', import.meta.url),
  sandboxHelper: new URL(isWritten ? './sandbox-helper.ts' : './sandbox-helper.js', import.meta.url),
};

/**
 * Runs the command line of this process.
 *
 * `--version` answers before anything else is loaded, so that scripts that ask for it pay for nothing more.
 */
export async function main(process: NodeJS.Process): Promise<void> {
  if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V')) {
    process.stdout.write(`${version}\n`);
    return;
  }
  // A command is short: Node 20 takes more time to optimize its code than that saves. Later versions do it in steps.
  if (process.version.startsWith('v20.')) setFlagsFromString('--interrupt-budget=4000000');
  const code = typeof bundleName === 'string' ? await bundledCode(bundleName, process) : undefined;
  const { runProgram } =
    (code?.load('./program.cjs') as typeof import('./program.ts') | undefined) ??
    (await import('./program.ts'));
  process.exitCode = await runProgram(processIo(process, besides), process.argv.slice(2));
  // A command that was not understood is none.
  if (process.exitCode < 2) code?.keep();
}

/** The bundle that lies beside this file; what V8 makes of it is kept for each command. */
async function bundledCode(name: string, process: NodeJS.Process): Promise<CompiledCode> {
  const [{ openCode }, { environmentOf }] = await Promise.all([
    import('./compiled-code.ts'),
    import('./sdk/environment.ts'),
  ]);
  const [, , command = ''] = process.argv;
  const kind = /^[a-z]+$/.test(command) ? command : 'other';
  const kept = `${kind}-${name}-${process.version}-${process.arch}`;
  return openCode(
    dirname(fileURLToPath(import.meta.url)),
    join(environmentOf().cacheDirectory, 'code', kept),
  );
}
