import { setFlagsFromString } from 'node:v8';
import type { CompiledCode } from './compiled-code.ts';
import { processIo } from './io.ts';
import { version } from './version.ts';

/** Seconds. */
const longRun = 3;

/** Modules that run beside the command: bundled, compiled or as they are written, they lie beside this one. */
const [extension = ''] = /\.\w+$/.exec(import.meta.url) ?? [];
const besides = {
  // Threads load modules as Node does, so not those that are run as they are written.
  checkWorker: extension === '.ts' ? undefined : new URL(`./check-worker${extension}`, import.meta.url),
  sandboxHelper: new URL(`./sandbox-helper${extension}`, import.meta.url),
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
  // And what is new is soon as much as it gets: to grow in small steps is to sort the same things out again and again.
  setFlagsFromString('--semi-space-growth-factor=16');
  const code = await codeFor(process.argv[2] ?? '');
  const { runProgram } =
    (code?.load('./program.cjs') as typeof import('./program.ts') | undefined) ??
    (await import('./program.ts'));
  process.exitCode = await runProgram(processIo(process, besides), process.argv.slice(2));
  // A command that was not understood is none. After a long one nobody notices what it takes to look again.
  if (process.exitCode < 2) code?.keep(process.uptime() > longRun);
}

/** What V8 makes of the bundle is kept for each command: none needs all. */
async function codeFor(command: string): Promise<CompiledCode | undefined> {
  const { bundledCode } = await import('./bundled-code.ts');
  const { codeDirectory } = await import('./sdk/environment.ts');
  return bundledCode(/^[a-z]+$/.test(command) ? command : 'other', codeDirectory());
}
