import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { run } from '../../scripts/lib/run.mjs';
import { writeContext } from '../support/embedded-builds.ts';
import { eventually } from '../support/eventually.ts';
import { type SandboxUser, sandboxUsers } from '../support/sandbox-users.ts';
import { copyProgram, holders } from '../support/secret-traces.ts';
import { servicesDescribe } from '../support/services.ts';
import { makeSshKey } from '../support/ssh-key.ts';
import { type UserBuilds, userBuilds } from '../support/user-builds.ts';

const dockerfile = `FROM busybox
COPY tool /
RUN --mount=type=secret,id=f,required=true --mount=type=secret,id=v,env=V \\
    wc -c </run/secrets/f; printf %s "$V" | wc -c; stat -c %a:%u /run/secrets/f; echo old >/etc/left
RUN --mount=type=ssh,required=true ssh-add -l; ssh-add -D; ssh-add -l; test -S $SSH_AUTH_SOCK && rm /etc/left
RUN --mount=type=secret,id=f,uid=1000,gid=1001,mode=0444 echo theirs $(wc -c </run/secrets/f)
RUN test ! -e /run/secrets -a ! -e /run/buildkit && echo "nothing is left$V"
`;

servicesDescribe('embedded: secrets, agents and no network in every sandbox', function (services) {
  this.timeout(60_000);
  let builds: UserBuilds;
  const agents: ChildProcess[] = [];
  const caches = new Map<SandboxUser, string>();

  before(async () => {
    builds = await userBuilds();
    for (const [name, content] of Object.entries({
      secrets: dockerfile,
      network: 'FROM busybox\nRUN ip link | grep -c ether || echo none\n',
    })) {
      await writeContext(join(builds.root, name), { Dockerfile: content });
      execFileSync('chmod', ['755', join(builds.root, name)]);
    }
    copyProgram('/usr/bin/ssh-add', join(builds.root, 'secrets/tool'));
    makeSshKey(join(builds.root, 'key'), 'of an agent');
  });
  after(async () => {
    for (const agent of agents) agent.kill();
    for (const cache of caches.values()) await rm(cache, { recursive: true, force: true });
    await builds.remove();
  });

  const build = (user: SandboxUser, name: string, more: object) =>
    builds.build(user, cacheOf(user), {
      context: join(builds.root, name),
      platforms: ['linux/amd64'],
      mirror: services.mirror ?? 'https://registry-1.docker.io',
      epoch: '1700000000',
      ...more,
    });

  /** A folder of the user whose path leaves room for a socket's, as a home does. */
  function cacheOf(user: SandboxUser): string {
    const known = caches.get(user);
    if (known !== undefined) return known;
    const made = mkdtempSync(join(tmpdir(), 'mb-'));
    chmodSync(made, 0o755);
    if (user.startsWith('nobody')) chownSync(made, 65534, 65534);
    caches.set(user, made);
    return made;
  }

  /** Starts an agent as a user: it talks to nobody else. */
  async function agentOf(user: SandboxUser): Promise<string> {
    const socket = join(cacheOf(user), 'agent');
    const [command = '', ...args] = builds.command(user, ['ssh-agent', '-D', '-a', socket]);
    agents.push(spawn(command, args, { stdio: 'ignore' }));
    await eventually(() =>
      run('ssh-add', ['-q', join(builds.root, 'key')], { env: { SSH_AUTH_SOCK: socket } }),
    );
    return socket;
  }

  for (const user of sandboxUsers()) {
    it(`reach RUN, and stay nowhere: ${user}`, async () => {
      const secret = randomBytes(24).toString('hex');
      const { built, output } = await build(user, 'secrets', { secret, agent: await agentOf(user) });
      expect(built['linux/amd64'], String(built['linux/amd64'])).to.be.an('array');
      const lines = output.split('\n').filter((line) => line !== '' && !line.startsWith('mabuild: '));
      expect(lines.slice(0, 3)).to.deep.equal(['48', '48', '400:0']);
      expect(output.match(/of an agent/g), output).to.have.length(2);
      expect(lines.slice(-2)).to.deep.equal(['theirs 48', 'nothing is left']);
      expect(holders(cacheOf(user), [secret])).to.deep.equal([]);
    });

    it(`no network is none, or refused: ${user}`, async () => {
      const { built, output } = await build(user, 'network', { network: 'none' });
      const [, ...layers] = built['linux/amd64'] ?? [];
      if (Array.isArray(built['linux/amd64'])) expect(output, layers.join()).to.match(/^0\nnone$/m);
      else expect(built['linux/amd64']).to.match(/--network=none needs namespaces/);
    });
  }
});
