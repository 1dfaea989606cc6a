import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { layerTar } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../../../../support/debs.ts';
import { busyboxRoot, file, helperFolder, removeFolder } from '../../../../../support/sandbox.ts';
import { sandboxUsers, userDriver } from '../../../../../support/sandbox-users.ts';
import { requireTool } from '../../../../../support/tools.ts';

/** Asks the agent that SSH_AUTH_SOCK names for its keys, and then to forget one: says what it answers. */
const source = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void) {
  struct sockaddr_un address = {AF_UNIX};
  unsigned char list[] = {0, 0, 0, 1, 11}, forget[] = {0, 0, 0, 1, 18}, answer[64];
  strncpy(address.sun_path, getenv("SSH_AUTH_SOCK"), sizeof address.sun_path - 1);
  int agent = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(agent, (struct sockaddr *)&address, sizeof address) != 0) { perror("connect"); return 1; }
  write(agent, list, sizeof list);
  printf("%zd", read(agent, answer, sizeof answer));
  printf(" %d\\n", answer[4]);
  write(agent, forget, sizeof forget);
  printf("%zd", read(agent, answer, sizeof answer));
  printf(" %d\\n", answer[4]);
  return 0;
}
`;

requireTool('gcc', 'RUN --mount=type=ssh', function (this: Mocha.Suite) {
  this.timeout(300_000);
  let root = '';
  let helper = '';
  let layer = '';
  let agent: Server | undefined;
  let heard: number[] = [];
  before(async function () {
    if (process.platform !== 'linux' || process.arch !== 'x64' || !(await hasDebs())) return this.skip();
    ({ folder: root, helper } = await helperFolder('m-'));
    const [headers = '', busybox = ''] = await Promise.all(
      ['musl-dev', 'busybox-static'].map((name) => debTree(name, 'amd64')),
    );
    const at = (name: string): string => join(headers, 'usr/lib/x86_64-linux-musl', name);
    const program = join(root, 'ask');
    writeFileSync(`${program}.c`, source);
    execFileSync('gcc', [
      ...['-nostdinc', '-isystem', join(headers, 'usr/include/x86_64-linux-musl'), '-nostdlib', '-static'],
      ...['-fno-stack-protector', '-fno-pie', '-no-pie', '-o', program],
      ...[at('crt1.o'), at('crti.o'), `${program}.c`, at('libc.a'), at('crtn.o')],
    ]);
    const entries = [
      ...(await busyboxRoot(busybox)),
      file('bin/ask', readFileSync(program), { mode: 0o755 }),
    ];
    layer = join(root, 'layer.tar');
    writeFileSync(layer, await buffer(Readable.from(layerTar(entries))), { mode: 0o644 });
    agent = createServer((client) => {
      client.on('data', (request) => {
        heard.push(request[4] ?? -1);
        // No keys, or success.
        client.write(
          request[4] === 11 ? Uint8Array.of(0, 0, 0, 5, 12, 0, 0, 0, 0) : Uint8Array.of(0, 0, 0, 1, 6),
        );
      });
    });
    agent.listen(join(root, 'agent'));
    await once(agent, 'listening');
    chmodSync(join(root, 'agent'), 0o777);
  });
  beforeEach(() => {
    heard = [];
  });
  after(async () => {
    agent?.close();
    if (root !== '') await removeFolder(root);
  });

  const app = { uid: 1000, gid: 1001, groups: [] };
  for (const user of sandboxUsers())
    for (const as of user === 'nobody, alone' ? [undefined] : [undefined, app])
      it(`lists keys and does nothing else with them, ${user}${as ? ', as USER' : ''}`, async () => {
        const driver = await userDriver(root, helper);
        const target = '/run/agent';
        const mount = { kind: 'ssh', target, socket: join(root, 'agent'), mode: 0o600 };
        const { results } = await driver.run(user, {
          commands: [
            {
              ...{ layers: [layer], command: ['/bin/ask'], environment: { SSH_AUTH_SOCK: target } },
              ...(as && { user: as }),
              mounts: [{ ...mount, uid: as?.uid ?? 0, gid: as?.gid ?? 0 }],
            },
          ],
        });
        // SSH_AGENT_IDENTITIES_ANSWER, SSH_AGENT_FAILURE
        expect(results[0], JSON.stringify(results[0])).to.include({ kind: 'changed', stdout: '9 12\n5 5\n' });
        expect(results[0]).to.have.property('entries').that.deep.equals([]);
        expect(heard).to.deep.equal([11]);
      });
});
