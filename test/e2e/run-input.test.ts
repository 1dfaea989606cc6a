import { expect } from 'chai';
import { runProgram } from '../../packages/cli/src/program.ts';
import { fakeIo } from '../support/io.ts';
import { servicesDescribe } from '../support/services.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

servicesDescribe('mabuild run with a Docker Engine', function (services) {
  this.timeout(120_000);
  let workspace: Workspace;
  before(async () => {
    workspace = await makeWorkspace();
  });
  after(() => workspace.remove());

  const mirror = services.mirror === undefined ? [] : ['--mirror', `docker.io=${services.mirror}`];
  const worldOf = (input: string) =>
    fakeIo({
      input,
      workingDirectory: workspace.dir,
      environment: {
        ...{ PATH: process.env.PATH, HOME: workspace.dir, MABUILD_CACHE: workspace.cache },
        ...{ DOCKER_HOST: services.dockerHost, DOCKER_CONFIG: workspace.dockerConfig },
      },
    });

  const codes: readonly (readonly [string, number, RegExp])[] = [
    ['nosuch', 127, /could not start nosuch: executable file not found/],
    ['/no/such', 127, /could not start \/no\/such: .*no such file/],
    ['/etc', 126, /could not start \/etc: /],
  ];
  for (const [program, code, says] of codes) {
    it(`has docker's exit code for what does not start: ${program}`, async () => {
      const world = worldOf('');
      expect(await runProgram(world.io, ['run', ...mirror, 'busybox', program])).to.equal(code);
      expect(world.stderr()).to.match(says);
    });
  }

  const large = 'line\n'.repeat(200_000);
  const rows: readonly (readonly [string, readonly string[], string, string])[] = [
    ['reads it to its end', ['-i', '--rm', 'busybox', 'cat'], 'hi\n', 'hi\n'],
    ['has none without the flag', ['busybox', 'cat'], 'hi\n', ''],
    ['takes options as the program’s', ['-i', 'busybox', 'wc', '-c'], large, '1000000\n'],
    ['takes no more than it wants', ['-i', 'busybox', 'head', '-n', '1'], large, 'line\n'],
    ['opens it again', ['-i', '--entrypoint', 'cat', 'busybox', '/dev/stdin'], 'hi\n', 'hi\n'],
    ['reads it on ARM', ['-i', '--platform', 'linux/arm/v7', 'busybox', '--', 'cat'], 'hi\n', 'hi\n'],
  ];
  for (const [title, args, input, output] of rows) {
    it(title, async () => {
      const world = worldOf(input);
      const code = await runProgram(world.io, ['run', ...mirror, ...args]);
      expect(code, world.stderr()).to.equal(0);
      expect(world.stdout()).to.equal(output);
    });
  }
});
