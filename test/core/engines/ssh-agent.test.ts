import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { expect } from 'chai';
import { relayAgent } from '../../../packages/core/src/engines/ssh-agent.ts';
import { rejection } from '../../support/rejection.ts';

function message(...bytes: readonly number[]): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, Buffer.from(bytes)]);
}

const list = message(11);
const sign = message(13, 1, 2, 3);
const refusal = message(5).toString('hex');

describe('relaying to an SSH agent', () => {
  let folder = '';
  let server: Server;
  let socket = '';
  let heard: string[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mabuild-agent-'));
    socket = join(folder, 's');
    // Answers every message with what it was, its type one higher.
    server = createServer((client) => {
      client.on('data', (chunk) => {
        heard.push(chunk.toString('hex'));
        const answer = Buffer.from(chunk);
        answer[4] = (answer[4] ?? 0) + 1;
        client.write(answer);
      });
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
  });
  beforeEach(() => {
    heard = [];
  });
  after(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function relayed(chunks: readonly Buffer[]): Promise<string> {
    const answers: Uint8Array[] = [];
    const requests = async function* (): AsyncGenerator<Buffer> {
      for (const chunk of chunks) {
        yield chunk;
        await tick();
      }
    };
    await relayAgent(requests(), (bytes) => void answers.push(bytes), socket);
    return Buffer.concat(answers).toString('hex');
  }

  it('passes on what lists keys and what signs', async () => {
    expect(await relayed([list, sign])).to.equal(
      `${message(12).toString('hex')}${message(14, 1, 2, 3).toString('hex')}`,
    );
  });
  it('puts messages together, and takes them apart', async () => {
    const both = Buffer.concat([list, sign]);
    const expected = `${message(12).toString('hex')}${message(14, 1, 2, 3).toString('hex')}`;
    expect(await relayed([both])).to.equal(expected);
    expect(await relayed([...both].map((byte) => Buffer.of(byte)))).to.equal(expected);
  });
  for (const [name, type] of [
    ['a key that is added', 17],
    ['a key that is removed', 18],
    ['all keys that are removed', 19],
    ['a lock', 22],
    ['an added key with limits', 25],
    ['an extension', 27],
  ] as const)
    it(`refuses ${name}`, async () => {
      expect(await relayed([message(type, 1), list])).to.equal(refusal + message(12).toString('hex'));
      expect(heard).to.deep.equal([list.toString('hex')]);
    });
  it('refuses a message without a type', async () => {
    expect(await relayed([message()])).to.equal(refusal);
  });
  it('ends at a message that is too large', async () => {
    expect((await rejection(relayed([Buffer.from('7fffffff', 'hex')]))).message).to.match(/too large/);
  });
  it('fails without an agent', async () => {
    const none = relayAgent((async function* () {})(), () => {}, join(folder, 'none'));
    expect((await rejection(none)).message).to.match(/ENOENT/);
  });
});
