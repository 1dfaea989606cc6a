/**
 * node scripts/score.mjs [--limit N] [--verbose]
 *
 * Lets the judge of the shared folder compare what `mabuild migrate` writes with what people wrote by hand, and prints
 * its line. Builds first; calls the built command itself, which npx only slows down.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runInForeground } from './lib/process.mjs';
import { build, root } from './lib/workspace.mjs';

const shared = join(root, '..', 'shared');
const judge = join(shared, 'tools', 'score-migration.mjs');
const mabuild = join(root, 'packages', 'cli', 'bin', 'mabuild.js');
if (!existsSync(judge)) {
  console.error(`there is no judge: ${judge} is absent`);
  process.exit(2);
}

await build();
const quoted = [process.execPath, mabuild].map((part) => `'${part.replaceAll("'", `'\\''`)}'`).join(' ');
process.exitCode = await runInForeground(process.execPath, [
  judge,
  join(shared, 'corpus', 'siblings'),
  ...process.argv.slice(2),
  '--flagged',
  `${quoted} check {file} --platform {platform} --format json --offline --failure-threshold none`,
  '--',
  ...[process.execPath, mabuild, 'migrate', '{file}', '--platform', '{platform}'],
  ...['--style', 'per-arch', '--output', '-', '--offline'],
]);
