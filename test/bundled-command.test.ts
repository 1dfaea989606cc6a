import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { bundleCommand } from '../scripts/lib/bundle.mjs';
import { runNode } from './support/node.ts';
import { makePlatform, publish } from './support/published.ts';
import { repositoryRoot } from './support/sources.ts';

/** What a verb loads is in other files of the bundle than what starts it: each has to find the next. */
describe('the command as it is bundled', function () {
  this.timeout(120_000);
  let folder: string;
  let work: string;
  let registry: TestRegistry;
  let base: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mabuild-bundled-'));
    work = join(folder, 'work');
    await mkdir(work);
    await bundleCommand(repositoryRoot, join(folder, 'dist/bin'));
    for (const name of ['bin', 'package.json'])
      await cp(join(repositoryRoot, 'packages/cli', name), join(folder, name), { recursive: true });
    registry = await startTestRegistry();
    base = `${registry.host}/base:1`;
    await publish(makePlatform('linux/amd64'), base);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
      await writeFile(join(work, `${name}.Dockerfile`), `FROM ${base}\nCOPY a.Dockerfile /a\n`);
  });
  after(async () => {
    await registry.close();
    await rm(folder, { recursive: true });
  });

  const rows: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['check', 'a.Dockerfile'], 0, /1 file: 0 errors/],
    [['check', '--online', 'a.Dockerfile'], 1, /has no image for linux\/arm64/],
    [['check', '--online', '.'], 1, /8 files: 8 errors/],
    [['migrate', '--online', 'a.Dockerfile'], 0, /has no image for linux\/arm64/],
    [['digest'], 0, /^sha256:/],
    [['verify'], 0, /: ok/],
    [
      [
        'build',
        '--engine',
        'embedded',
        '--platform',
        'linux/amd64',
        '-f',
        'a.Dockerfile',
        '-o',
        'oci:out',
        '.',
      ],
      0,
      /^sha256:/,
    ],
    [['inspect', 'oci:out'], 0, /linux\/amd64/],
    [['doctor'], 0, /PLATFORM/],
    [['rules', 'goarch-x86'], 0, /GOARCH/],
    [['cache', 'du'], 0, /Size:/],
  ];
  for (const [args, status, said] of rows) {
    it(args.join(' '), async () => {
      const given = ['digest', 'verify'].includes(args[0] ?? '') ? [...args, base] : args;
      const env = { HOME: folder, PATH: process.env.PATH, DOCKER_CONFIG: folder };
      const result = await runNode([join(folder, 'bin/mabuild.js'), ...given], { cwd: work, env });
      expect(result.stderr).to.not.match(/ERR_MODULE_NOT_FOUND|Cannot find|bug of mabuild/);
      expect(result.stdout + result.stderr).to.match(said);
      expect(result.status).to.equal(status);
    });
  }

  it('says that it was interrupted', async () => {
    registry.faults.push({ hang: true });
    const before = registry.requests.length;
    const env = { HOME: folder, PATH: process.env.PATH, DOCKER_CONFIG: folder };
    const args = [join(folder, 'bin/mabuild.js'), 'digest', `${registry.host}/base:other`];
    const child = spawn(process.execPath, args, { cwd: work, env, stdio: 'ignore' });
    const ended = once(child, 'exit');
    while (registry.requests.length === before && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGINT');
    expect(await ended).to.deep.equal([130, null]);
  });
});
