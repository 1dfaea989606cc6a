/**
 * Runs mocha on the files given as arguments and leaves its counts in the file named by MABUILD_TEST_COUNTS.
 * A program of its own, since sources are loaded through `--conditions=@mabuild/source --import tsx`.
 */
import { writeFile } from 'node:fs/promises';
import Mocha from 'mocha';

// Exit handlers of tests undo what they did to the machine; a signal's default action would skip them.
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.once(signal, () => process.exit(status));
}

const mocha = new Mocha({
  timeout: 20_000,
  reporter: process.env.CI ? 'dot' : 'spec',
  forbidOnly: Boolean(process.env.CI),
  ...(process.env.MABUILD_TEST_GREP && { grep: process.env.MABUILD_TEST_GREP }),
});
for (const file of process.argv.slice(2)) mocha.addFile(file);
await mocha.loadFilesAsync();
const runner = await new Promise((resolve) => {
  const started = mocha.run(() => resolve(started));
});
const { passes = 0, failures = 0, pending = 0 } = runner.stats ?? {};
if (process.env.MABUILD_TEST_COUNTS) {
  await writeFile(
    process.env.MABUILD_TEST_COUNTS,
    JSON.stringify({ passed: passes, failed: failures, skipped: pending }),
  );
}
process.exitCode = failures === 0 ? 0 : 1;
setTimeout(() => {
  const open = process.getActiveResourcesInfo().join(', ');
  console.error(`tests are done, but something they opened keeps the process alive: ${open}`);
  process.exit(1);
}, 10_000).unref();
