import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';

/** As a user whom modes bind. */
const asUser = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const module = new URL(
  '../../../../../../packages/core/src/engines/embedded/sandbox/files/remove-tree.ts',
  import.meta.url,
);

describe('deleting a tree', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-tree-'));
    await chmod(directory, 0o777);
  });
  afterEach(async () => {
    execFileSync('chmod', ['-R', 'u+rwx', directory]);
    await rm(directory, { recursive: true, force: true });
  });

  it('leaves what a link leads to, also where the link cannot be deleted', async () => {
    const [locked, outside] = [join(directory, 'locked'), join(directory, 'outside')];
    for (const folder of [locked, outside]) await mkdir(folder);
    await chmod(outside, 0o777);
    await writeFile(join(outside, 'file'), 'mine');
    await symlink(outside, join(locked, 'link'));
    await chmod(locked, 0o555);
    const answer = removeAs(join(locked, 'link'));
    expect(answer).to.match(/EACCES/);
    expect(existsSync(join(outside, 'file'))).to.equal(true);
    expect((await stat(outside)).mode & 0o777).to.equal(0o777);
  });
});

/** Deletes a path in another process. @returns the error's code */
function removeAs(path: string): string {
  const script = `const { removeTree } = await import(${JSON.stringify(module.href)});
try { removeTree(${JSON.stringify(path)}); } catch (error) { process.stdout.write(String(error.code)); }`;
  return execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    ...asUser,
    encoding: 'utf8',
  });
}
