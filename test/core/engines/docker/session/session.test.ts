import { symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { DockerClient } from '@mabuild/core';
import type { Credential, CredentialSource } from '@mabuild/oci';
import { expect } from 'chai';
import type { BuildContext } from '../../../../../packages/core/src/context/context.ts';
import { openFolderContext } from '../../../../../packages/core/src/context/folder-context.ts';
import type { BuildSecrets } from '../../../../../packages/core/src/engines/build-secrets.ts';
import { BuildSession } from '../../../../../packages/core/src/engines/docker/session/session.ts';
import { eventually } from '../../../../support/eventually.ts';
import { type FakeEngine, fakeEngine } from '../../../../support/fake-engine.ts';
import { openSync, receiveFiles } from '../../../../support/file-receiver.ts';
import { field, fieldsOf, type GrpcPeer, grpcPeer } from '../../../../support/grpc-peer.ts';
import { rejection } from '../../../../support/rejection.ts';
import { makeWorkspace, type Workspace } from '../../../../support/workspace.ts';

const getSecret = '/moby.buildkit.secrets.v1.Secrets/GetSecret';

describe('build session', () => {
  let workspace: Workspace;
  let directory: string;
  let context: BuildContext;
  let engine: FakeEngine;
  let session: BuildSession;
  let peer: GrpcPeer;
  let socket: Socket;
  let asked: string[];
  let credential: () => Promise<Credential | undefined>;

  async function openSession(secrets?: BuildSecrets): Promise<void> {
    const credentials: CredentialSource = {
      async credentialFor(host) {
        asked.push(host);
        return await credential();
      },
    };
    session = new BuildSession(context, { credentials, secrets });
    await session.open(engine.client);
    peer = grpcPeer(socket);
  }

  beforeEach(async () => {
    workspace = await makeWorkspace();
    directory = await workspace.context({
      'a/b.txt': 'in a folder',
      'a-b.txt': 'beside it',
      'big.bin': 'x'.repeat(200_000),
      'empty.txt': '',
      'with, comma and é.txt': 'named oddly',
    });
    await symlink('a/b.txt', join(directory, 'link'));
    context = await openFolderContext(directory);
    asked = [];
    credential = async () => undefined;
    engine = await fakeEngine({
      'POST /session': (_call, _response, connection) => {
        socket = connection;
      },
    });
    await openSession();
  });
  afterEach(async () => {
    session.close();
    peer.close();
    await engine.close();
    await workspace.remove();
  });

  const everything = ['a', 'a/b.txt', 'a-b.txt', 'big.bin', 'empty.txt', 'link', 'with, comma and é.txt'];

  it('says that it is healthy', async () => {
    const { status, answer } = await peer.ask('/grpc.health.v1.Health/Check');
    expect(status).to.equal(0);
    expect(fieldsOf(answer!).get(1)).to.equal(1);
  });

  for (const path of [
    '/moby.filesync.v1.Auth/GetTokenAuthority',
    getSecret,
    '/moby.sshforward.v1.SSH/CheckAgent',
    '/',
  ])
    it(`leaves ${path} unimplemented`, async () => {
      expect((await peer.ask(path)).status).to.equal(12);
    });

  describe('secrets', () => {
    const secrets: BuildSecrets = {
      async secret(id) {
        if (id === 'broken') throw new Error('the file is gone');
        return id === 'tok' ? Buffer.from('hidden') : id === 'empty' ? Buffer.alloc(0) : undefined;
      },
      agent: () => undefined,
    };
    beforeEach(async () => {
      session.close();
      peer.close();
      await openSession(secrets);
    });
    const asks: readonly [string, number, string | undefined][] = [
      ['tok', 0, 'hidden'],
      ['empty', 0, undefined],
      ['other', 5, undefined],
      ['broken', 2, undefined],
    ];
    for (const [id, expected, content] of asks)
      it(`of id ${id}`, async () => {
        const { status, answer } = await peer.ask(getSecret, field(1, id));
        expect(status).to.equal(expected);
        expect(answer && fieldsOf(answer).get(1)?.toString()).to.equal(content);
        expect(session.failure !== undefined).to.equal(id === 'broken');
      });
    it('without an agent', async () => {
      const { status } = await peer.ask('/moby.sshforward.v1.SSH/CheckAgent', field(1, 'default'));
      expect(status).to.equal(5);
    });
  });

  describe('credentials', () => {
    const hosts: readonly [string, string][] = [
      ['registry.example.com', 'registry.example.com'],
      ['localhost:5000', 'localhost:5000'],
      ['registry-1.docker.io', 'docker.io'],
      ['index.docker.io', 'docker.io'],
      ['https://index.docker.io/v1/', 'docker.io'],
      ['docker.io', 'docker.io'],
    ];
    for (const [host, expected] of hosts)
      it(`for ${host} are those of ${expected}`, async () => {
        expect((await peer.ask('/moby.filesync.v1.Auth/Credentials', field(1, host))).status).to.equal(0);
        expect(asked).to.deep.equal([expected]);
      });

    const answers: readonly [string, Credential | undefined, Readonly<Record<number, string>>][] = [
      ['none', undefined, {}],
      ['a user and a password', { kind: 'basic', username: 'ci', password: 'p:w' }, { 1: 'ci', 2: 'p:w' }],
      ['a token', { kind: 'identity-token', token: 't0k' }, { 2: 't0k' }],
    ];
    for (const [what, given, expected] of answers)
      it(`are passed on: ${what}`, async () => {
        credential = async () => given;
        const { answer } = await peer.ask('/moby.filesync.v1.Auth/Credentials', field(1, 'r.example'));
        const found = [...fieldsOf(answer!)].map(([number, value]) => [number, String(value)]);
        expect(Object.fromEntries(found)).to.deep.equal(expected);
      });

    it('that cannot be had are the reason why the build fails', async () => {
      const why = new Error('the helper is broken');
      credential = () => Promise.reject(why);
      const { status } = await peer.ask('/moby.filesync.v1.Auth/Credentials', field(1, 'r.example'));
      expect(status).to.equal(2);
      expect(session.failure?.error).to.equal(why);
    });
  });

  describe('files', () => {
    it('are named in the order of a walk, and sent when asked for', async () => {
      const { entries, contents, end } = await receiveFiles(peer, { 'dir-name': 'context' });
      expect(entries.map(({ path }) => path)).to.deep.equal(everything);
      expect(contents).to.deep.equal({
        'a/b.txt': 'in a folder',
        'a-b.txt': 'beside it',
        'big.bin': 'x'.repeat(200_000),
        'empty.txt': '',
        'with, comma and é.txt': 'named oddly',
      });
      expect(end).to.deep.equal({ status: 0, message: '' });
    });

    it("have Go's file modes", async () => {
      const { entries } = await receiveFiles(peer, { 'dir-name': 'context' });
      const byPath = Object.fromEntries(entries.map((entry) => [entry.path, entry]));
      expect(byPath.a?.mode).to.equal(0x80000000 + 0o755);
      expect(byPath['a/b.txt']).to.deep.include({ mode: 0o644, size: 11 });
      expect(byPath.link).to.deep.include({ mode: 0x08000000 + 0o777, linkname: 'a/b.txt' });
    });

    it('that nobody asks for are not read', async () => {
      const { end } = await receiveFiles(peer, { 'dir-name': 'context' }, () => false);
      expect(end.status).to.equal(0);
      expect(session.stats).to.deep.equal({ files: 0, bytes: 0 });
    });

    it('of one call are counted', async () => {
      await receiveFiles(peer, { 'dir-name': 'context' }, ({ path }) => path === 'a-b.txt');
      expect(session.stats).to.deep.equal({ files: 1, bytes: 9 });
    });

    it('cross side by side for several builds', async () => {
      const all = await Promise.all([1, 2, 3, 4].map(() => receiveFiles(peer, { 'dir-name': 'context' })));
      for (const { contents, end } of all) {
        expect(end.status).to.equal(0);
        expect(contents['big.bin']?.length).to.equal(200_000);
      }
    });

    it('are the Dockerfiles, too', async () => {
      session.add([], { name: 'Dockerfile.one', text: 'FROM scratch' });
      const { contents } = await receiveFiles(peer, {
        'dir-name': 'dockerfile',
        followpaths: ['Dockerfile.one'],
      });
      expect(contents).to.deep.equal({ 'Dockerfile.one': 'FROM scratch' });
    });

    const chosen: readonly [string, Readonly<Record<string, string | string[]>>, readonly string[]][] = [
      ['one path', { followpaths: ['a/b.txt'] }, ['a', 'a/b.txt']],
      ['a link with its target', { followpaths: ['link'] }, ['a', 'a/b.txt', 'link']],
      ['two paths', { followpaths: ['a-b.txt', 'empty.txt'] }, ['a-b.txt', 'empty.txt']],
      ['include patterns', { 'include-patterns': ['*.bin'] }, ['big.bin']],
      ['exclude patterns', { 'exclude-patterns': ['a', '*.txt'] }, ['big.bin', 'link']],
      ['an exception', { 'exclude-patterns': ['*', '!link'] }, ['link']],
      [
        'an encoded name',
        { followpaths: ['with%2C+comma+and+%C3%A9.txt'], 'followpaths-encoded': '1' },
        ['with, comma and é.txt'],
      ],
      ['a name that only looks encoded', { followpaths: ['a%2Db.txt'] }, []],
      ['what is missing', { followpaths: ['.dockerignore'] }, []],
    ];
    for (const [what, headers, expected] of chosen)
      it(`are chosen by ${what}`, async () => {
        const { entries, end } = await receiveFiles(peer, { 'dir-name': 'context', ...headers });
        expect(entries.map(({ path }) => path)).to.deep.equal(expected);
        expect(end.status).to.equal(0);
      });

    const refused: readonly [string, Readonly<Record<string, string | string[]>>, number, RegExp][] = [
      ['another folder', { 'dir-name': 'home' }, 5, /no folder "home" is shared/],
      ['no folder at all', {}, 5, /no folder "" is shared/],
      [
        'a name that cannot be decoded',
        { 'dir-name': 'context', followpaths: ['%zz'], 'followpaths-encoded': '1' },
        13,
        /header followpaths cannot be decoded/,
      ],
    ];
    for (const [what, headers, status, message] of refused)
      it(`are refused for ${what}`, async () => {
        const end = (await receiveFiles(peer, headers)).end;
        expect(end.status).to.equal(status);
        expect(end.message).to.match(message);
        expect(session.failure).to.equal(undefined);
      });

    const packets: readonly [string, Buffer, RegExp][] = [
      ['a number that was not named', Buffer.concat([field(1, 1), field(3, 99)]), /there is no file 99/],
      ["the receiver's own failure", Buffer.concat([field(1, 4), field(4, 'disk full')]), /disk full/],
      ['no packet', Buffer.from([0xff]), /cannot be read/],
    ];
    for (const [what, packet, message] of packets)
      it(`end with an error after ${what}`, async () => {
        const call = openSync(peer, { 'dir-name': 'context' });
        call.send(packet);
        const drained = (async () => {
          while (await call.next());
        })();
        const { status, message: said } = await call.ended;
        await drained;
        expect(status).to.not.equal(0);
        expect(said).to.match(message);
      });

    const changes: readonly [string, (file: string) => Promise<void>, RegExp][] = [
      ['vanishes', (file) => unlink(file), /big\.bin of the build context was there .* is gone/],
      [
        'shrinks',
        (file) => truncate(file, 100_000),
        /big\.bin of the build context became 100000 bytes shorter/,
      ],
    ];
    for (const [what, change, message] of changes)
      it(`end the call at once when one ${what} after it was named`, async () => {
        await receiveFiles(peer, { 'dir-name': 'context' }, () => false);
        await change(join(directory, 'big.bin'));
        const { end } = await receiveFiles(peer, { 'dir-name': 'context' });
        expect(end.status).to.not.equal(0);
        expect(session.failure?.error).to.have.property('code', 'CONTEXT_CHANGED');
        expect(String(session.failure?.error)).to.match(message);
      });

    it('that grow are sent as they were named', async () => {
      await receiveFiles(peer, { 'dir-name': 'context' }, () => false);
      await writeFile(join(directory, 'a-b.txt'), 'beside it, and longer');
      expect((await receiveFiles(peer, { 'dir-name': 'context' })).contents['a-b.txt']).to.equal('beside it');
    });

    it('are broken off without harm', async () => {
      const call = openSync(peer, { 'dir-name': 'context' });
      await call.next();
      call.send(Buffer.concat([field(1, 1), field(3, 3)]));
      call.reset();
      await call.ended;
      expect((await peer.ask('/grpc.health.v1.Health/Check')).status).to.equal(0);
      expect(session.failure).to.equal(undefined);
    });
  });

  it('says when the engine has dropped it', async () => {
    const lost = new Promise((resolve) => session.lost.addEventListener('abort', resolve));
    socket.destroy();
    await lost;
  });

  it('is not lost when we close it', async () => {
    const gone = new Promise((resolve) => socket.once('close', resolve));
    session.close();
    await gone;
    expect(session.lost.aborted).to.equal(false);
  });

  it('that is closed before it opens stops waiting', async () => {
    const path = join(workspace.dir, 'silent.sock');
    const connected: Socket[] = [];
    const server = createServer((_request, response) => response.setHeader('Api-Version', '1.41').end('OK'));
    server.on('upgrade', (_request, connection: Socket) => connected.push(connection));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const client = new DockerClient({ address: { kind: 'socket', path }, endpoint: 'unix:///silent.sock' });
    try {
      await client.negotiate();
      const waiting = new BuildSession(context, { credentials: { credentialFor: async () => undefined } });
      const opened = rejection(waiting.open(client));
      await eventually(async () => expect(connected).to.have.length(1));
      waiting.close();
      expect((await opened).message).to.match(/session was closed/);
    } finally {
      await client.close();
      for (const connection of connected) connection.destroy();
      server.close();
    }
  });
});
