import { processIo } from './io.ts';
import { version } from './version.ts';

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
  const { runProgram } = await import('./program.ts');
  process.exitCode = await runProgram(processIo(process), process.argv.slice(2));
}
