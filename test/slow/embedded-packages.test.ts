import { lstatSync, mkdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { writeContext } from '../support/embedded-builds.ts';
import { unfinishedIn } from '../support/embedded-cache.ts';
import { type InstalledCommand, installCommand } from '../support/installed-command.ts';
import { type SandboxUser, sandboxUsers } from '../support/sandbox-users.ts';
import { servicesDescribe } from '../support/services.ts';

/** What a RUN of an ordinary user does, and what it says; alone: without subordinate users. */
interface Row {
  readonly name: string;
  readonly tries: string;
  readonly says: string | RegExp;
  /** Where there is one user only. */
  readonly alone: string | RegExp;
}

const rows: readonly Row[] = [
  {
    name: 'a program of Python',
    tries: 'python3 -c "import platform, os; print(platform.machine(), os.getuid())"',
    says: 'armv7l 0\n',
    alone: 'armv7l 0\n',
  },
  {
    name: 'useradd, and a home of its own',
    tries: 'useradd -m builder && stat -c "%U %n" /home/builder',
    says: 'builder /home/builder\n',
    alone: /builder|Operation not permitted|Invalid argument/,
  },
  {
    name: 'su',
    tries: 'su nobody -s /bin/sh -c "id -un"',
    says: 'nobody\n',
    alone: /cannot set groups|Operation not permitted|Invalid argument/,
  },
  {
    name: 'chown',
    tries: 'touch /f && chown daemon:mail /f && stat -c %U:%G /f',
    says: 'daemon:mail\n',
    alone: /Invalid argument|Operation not permitted/,
  },
  {
    name: 'setcap',
    tries:
      'command -v setcap >/dev/null || { echo skipped; exit; }; cp /bin/true /t && setcap cap_net_raw+ep /t && getcap /t',
    says: /cap_net_raw=ep|skipped/,
    alone: /cap_net_raw=ep|skipped/,
  },
  {
    name: 'links of both kinds',
    tries: 'cd /tmp && echo x >a && ln a b && ln -s b c && cat c && stat -c %h a',
    says: 'x\n2\n',
    alone: 'x\n2\n',
  },
  {
    name: 'an archive with owners',
    tries:
      'cd /tmp && mkdir t && touch t/f && tar --owner=33 --group=33 -cf o.tar t && rm -r t && tar -xpf o.tar && stat -c %u:%g t/f',
    says: '33:33\n',
    alone: /Cannot change ownership/,
  },
];

const users: readonly SandboxUser[] = ['nobody, with subordinate users', 'nobody, alone'];

servicesDescribe('a real Debian, emulated, for an ordinary user without Docker', function (services) {
  this.timeout(1_800_000);
  let folder = '';
  let command: InstalledCommand;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mabuild-packages-'));
    await chmod(folder, 0o755);
    command = await installCommand(folder);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const build = async (user: SandboxUser, name: string, dockerfile: string) => {
    const home = join(command.home(user), name);
    const { uid, gid } = lstatSync(command.home(user));
    for (const path of [home, join(home, 'tmp')]) {
      mkdirSync(path);
      await chown(path, uid, gid);
    }
    const context = join(folder, `context-${name}-${user.length}`);
    const output = join(home, 'output');
    await writeContext(context, { Dockerfile: dockerfile });
    const mirror = services.mirror ?? '';
    await writeContext(home, {
      'mabuild.config.json': JSON.stringify({ registries: { 'docker.io': { mirrors: [mirror] } } }),
    });
    const began = performance.now();
    const result = await command.start(
      user,
      [
        ...['build', '--engine', 'embedded', '--platform', 'linux/arm/v7', '--progress', 'plain'],
        ...['-o', `local:${output}`, context],
      ],
      { home, cwd: home },
    ).ended;
    const seconds = (performance.now() - began) / 1000;
    return { ...result, home, output, seconds };
  };

  const install = (options: string): string =>
    `FROM debian:bookworm AS all\nRUN apt-get ${options} update && apt-get ${options} install -y --no-install-recommends file\nRUN file -b /bin/bash >/told\nFROM scratch\nCOPY --from=all /told /var/lib/dpkg/status /\n`;
  const installs = async (user: SandboxUser, name: string, options: string): Promise<void> => {
    const { status, stderr, home, output, seconds } = await build(user, name, install(options));
    expect(status, stderr).to.equal(0);
    expect(await readFile(join(output, 'told'), 'utf8')).to.match(/^ELF 32-bit LSB pie executable, ARM/);
    expect(await readFile(join(output, 'status'), 'utf8')).to.match(
      /^Package: file\nStatus: install ok installed/m,
    );
    expect(unfinishedIn(join(home, 'cache'))).to.deep.equal([]);
    console.log(`      it took ${seconds.toFixed(0)} s, unpacking the base included`);
  };

  for (const user of users.filter((item) => sandboxUsers().includes(item))) {
    it(`installs a package with apt-get, ${user}`, async () => {
      if (user !== 'nobody, alone') return await installs(user, 'apt', '');
      const { status, stderr } = await build(user, 'refused', install(''));
      expect(status, stderr).to.equal(1);
      expect(stderr).to.match(/had one user only.*APT::Sandbox::User=root.*\/etc\/subuid/);
      await installs(user, 'apt', '-o APT::Sandbox::User=root');
    });

    it(`does what a system does, ${user}`, async () => {
      const steps = rows.map(({ tries }, index) => `RUN (${tries}) >/results/${index} 2>&1 || true`);
      const { status, stderr, output } = await build(
        user,
        'rows',
        `FROM debian:bookworm AS all\nRUN mkdir /results\n${steps.join('\n')}\nFROM scratch\nCOPY --from=all /results /\n`,
      );
      expect(status, stderr).to.equal(0);
      for (const [index, row] of rows.entries()) {
        const got = await readFile(join(output, String(index)), 'utf8');
        const expected = user === 'nobody, alone' ? row.alone : row.says;
        if (typeof expected === 'string') expect(got, row.name).to.equal(expected);
        else expect(got, row.name).to.match(expected);
      }
      if (user === 'nobody, alone') expect(stderr).to.match(/\/etc\/subuid/);
    });
  }
});
