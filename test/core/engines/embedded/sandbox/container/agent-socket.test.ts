import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect } from 'chai';
import { serveAgent } from '../../../../../../packages/core/src/engines/embedded/sandbox/container/agent-socket.ts';

describe('the socket of an SSH agent in a RUN', () => {
  const size = 200_000;
  const asked = 400;
  const list = Buffer.from([0, 0, 0, 1, 11]);
  let folder = '';
  let agent: Server;
  let heard = 0;

  before(async function () {
    if (process.platform !== 'linux') this.skip();
    folder = await mkdtemp(join(tmpdir(), 'mabuild-agent-'));
    const answer = Buffer.alloc(4 + size);
    answer.writeUInt32BE(size);
    agent = createServer((client) => {
      client.on('data', () => {
        heard += 1;
        client.write(answer);
      });
    });
    agent.listen(join(folder, 'agent'));
    await once(agent, 'listening');
  });
  after(async () => {
    agent?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('keeps no answers for who asks and does not listen', async () => {
    const { uid, gid } = await stat(folder);
    const mount = {
      kind: 'ssh',
      target: '/s',
      socket: join(folder, 'agent'),
      mode: 0o600,
      uid,
      gid,
    } as const;
    await serveAgent(mount, join(folder, 'given'), () => undefined);
    const client = connect(join(folder, 'given'));
    client.pause();
    await once(client, 'connect');
    client.write(Buffer.concat(Array(asked).fill(list)));
    for (let before = -1, quiet = 0; quiet < 20; quiet = heard === before ? quiet + 1 : 0) {
      before = heard;
      await wait(5);
    }
    expect(heard).to.be.within(1, asked - 1);
    let length = 0;
    for await (const chunk of client) {
      length += (chunk as Buffer).length;
      if (length === asked * (4 + size)) break;
    }
    expect(heard).to.equal(asked);
  });
});
