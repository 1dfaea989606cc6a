/**
 * node scripts/test.mjs [--unit] [FILE…]
 *
 * `npm test`: types, lint, unit tests, then end-to-end tests against an engine and registries started for the run.
 * --unit leaves out services and what needs them; FILE… runs these test files alone, without types and lint.
 * The last line is always `N passed, N failed, N skipped`.
 */
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { runInForeground } from './lib/process.mjs';
import { run } from './lib/run.mjs';
import { withServices } from './lib/with-services.mjs';
import { build, root, setup, tool } from './lib/workspace.mjs';

const unit = process.argv.includes('--unit');
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const counts = { passed: 0, failed: 0, skipped: 0 };

try {
  await setup();
  await step('build', build);
  if (named.length === 0) {
    await step('types', () => run(process.execPath, [tool('typescript/bin/tsc'), '-b'], { cwd: root }));
    await step('lint', lint);
  }
  const files = named.length > 0 ? named.map((file) => resolve(file)) : await testFiles();
  if (unit) {
    await mocha(files.filter((file) => !isEndToEnd(file)));
  } else {
    await withServices({ ownOnly: true, newest: true }, async ({ env, own, reason }) => {
      if (reason !== undefined) console.log(`tests that need an engine are skipped: ${reason}`);
      await mocha(files, { ...env, ...(own && { MABUILD_REQUIRE_SERVICES: '1' }) });
    });
  }
} catch (error) {
  counts.failed += 1;
  console.error(error instanceof Error ? error.message : error);
}
if (counts.failed > 0) process.exitCode = 1;
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);

/** One check that counts as a single failed test when it fails; the others still run. */
async function step(name, check) {
  try {
    await check();
    console.log(`${name}: ok`);
  } catch (error) {
    counts.failed += 1;
    console.error(`${name}: failed\n${error.output ?? error.message}`);
  }
}

async function lint() {
  const biome = tool('.bin/biome');
  await access(biome);
  await run(biome, ['check', '--error-on-warnings', '.'], { cwd: root });
}

/** End-to-end tests last: what fails in a unit test explains what fails there. */
async function testFiles() {
  const names = await readdir(join(root, 'test'), { recursive: true });
  const files = names
    // What takes many minutes has a command of its own: npm run test:slow.
    .filter((name) => name.endsWith('.test.ts') && !name.startsWith('slow'))
    .map((name) => join(root, 'test', name))
    .sort();
  return [...files.filter((file) => !isEndToEnd(file)), ...files.filter(isEndToEnd)];
}

function isEndToEnd(file) {
  return relative(join(root, 'test'), file).startsWith('e2e');
}

async function mocha(files, env = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'mabuild-counts-'));
  try {
    const result = join(dir, 'counts.json');
    const args = ['--conditions=@mabuild/source', '--import', 'tsx', 'scripts/lib/mocha.mjs', ...files];
    const code = await runInForeground(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...env, MABUILD_TEST_COUNTS: result },
    });
    const ran = JSON.parse(await readFile(result, 'utf8').catch(() => '{}'));
    for (const key of Object.keys(counts)) counts[key] += ran[key] ?? 0;
    if (code !== 0 && !(ran.failed > 0)) {
      counts.failed += 1;
      console.error(`the test run itself failed (${code})`);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
