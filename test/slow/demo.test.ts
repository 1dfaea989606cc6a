import { spawn } from 'node:child_process';
import { chown, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { environment, machineRoot, runOnMachine, user } from '../../scripts/lib/machine.mjs';
import { removeTree } from '../../scripts/lib/remove-tree.mjs';
import { run } from '../../scripts/lib/run.mjs';
import { cache } from '../../scripts/lib/workspace.mjs';
import { expectDemo } from '../support/demo.ts';
import { servicesDescribe } from '../support/services.ts';
import { repositoryRoot } from '../support/sources.ts';

const image = 'fresh-machine:1';

servicesDescribe('npm run demo on a fresh machine', function (services) {
  this.timeout(1_800_000);
  const docker = { DOCKER_HOST: services.dockerHost };
  let machine: string;
  let home: string;

  before(async () => {
    machine = await machineRoot({ cache, log: console.log });
  });
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'mabuild-fresh-'));
    await run('git', ['clone', '-q', repositoryRoot, join(home, 'clone')]);
  });
  afterEach(() => removeTree(home));
  after(() => run('docker', ['rmi', '-f', image], { env: docker }).catch(() => undefined));

  it('as an ordinary user', async () => {
    await own(home);
    expectDemo(await timed(() => runOnMachine(machine, demo, { home, namespaces: true, cache })));
    expect(await readdir(join(home, 'clone/.cache/programs'))).to.include('qemu');
  });

  it('as root in a default container', async () => {
    await importMachine(machine, docker);
    const variables = Object.entries(environment).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const container = ['run', '--rm', '--network', 'host', '-v', `${home}:/root`, '-w', '/root/clone'];
    const output = await timed(() =>
      run('docker', [...container, '-e', 'HOME=/root', ...variables, image, ...demo], { env: docker }),
    );
    expectDemo({ status: 0, output });
  });

  it('as root in a container whose kernel knows no emulators', async () => {
    await run('chown', ['-R', '0:0', home]);
    const container = { home, namespaces: false, cache, contained: true };
    expectDemo(await timed(() => runOnMachine(machine, demo, container)));
  });

  it('as an ordinary user where user.max_user_namespaces is 0', async () => {
    await own(home);
    expectDemo(await timed(() => runOnMachine(machine, demo, { home, namespaces: false, cache })));
    expect(await readdir(join(home, 'clone/.cache/programs'))).to.include('proot');
  });
});

const demo: readonly string[] = ['npm', 'run', 'demo'];

async function timed<T>(work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  console.log(`      from a clean clone: ${((performance.now() - began) / 1000).toFixed(0)} s`);
  return result;
}

/** Gives a home folder to the machine's user. */
async function own(home: string): Promise<void> {
  await chown(home, user.id, user.id);
  await run('chown', ['-R', `${user.id}:${user.id}`, home]);
}

async function importMachine(machine: string, env: Readonly<Record<string, string>>): Promise<void> {
  const packed = spawn('tar', ['-C', machine, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const imported = spawn('docker', ['import', '-', image], {
    env: { ...process.env, ...env },
    stdio: [packed.stdout, 'ignore', 'inherit'],
  });
  const status = await new Promise((resolve, reject) => {
    imported.once('error', reject).once('close', resolve);
  });
  expect(status).to.equal(0);
}
