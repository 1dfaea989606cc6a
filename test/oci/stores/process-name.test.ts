import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLeftBehind, processName } from '@mabuild/oci';
import { expect } from 'chai';

const module = new URL('../../../packages/oci/src/stores/process-name.ts', import.meta.url);
/** Only root may let this machine look like another. */
const isElsewherePossible = spawnSync('unshare', ['--mount', 'true']).status === 0;

describe('names of processes', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-names-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('are those of living processes, and of no others', () => {
    const own = processName();
    if (own === undefined) return;
    expect(own).to.match(/^\d+\.\d+\.\d+$/);
    expect(processName(process.pid)).to.equal(own);
    const { pid } = spawnSync('true');
    expect(processName(pid)).to.equal(undefined);
  });

  it('tell machines apart that share a folder', async function () {
    if (!isElsewherePossible) this.skip();
    const file = join(directory, `f-${processName()}`);
    await writeFile(file, '');
    expect(isLeftBehind(file)).to.equal(false);
    // There, a process of this number began at another time, or is none.
    const path = file.replace(`f-${process.pid}.`, 'f-999999999.');
    await writeFile(path, '');
    expect(isLeftBehind(path)).to.equal(true);
    expect(elsewhere(path, directory)).to.equal('false');
    await utimes(path, 1, 1);
    expect(elsewhere(path, directory)).to.equal('true');
  });
});

/** Asks on a machine that was started at another time. */
function elsewhere(path: string, directory: string): string {
  const script = `import { isLeftBehind } from ${JSON.stringify(module.href)};
process.stdout.write(String(isLeftBehind(${JSON.stringify(path)})));`;
  const boot = join(directory, 'boot');
  const steps =
    'echo 00000000-0000-4000-8000-000000000000 > "$1"; mount --bind "$1" /proc/sys/kernel/random/boot_id; shift; exec "$@"';
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', script];
  return execFileSync('unshare', ['--mount', 'sh', '-ec', steps, 'sh', boot, ...node], { encoding: 'utf8' });
}
