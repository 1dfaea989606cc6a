import { createServer as createHttpServer } from 'node:http';
import * as http2 from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { DockerClient } from '@mabuild/core';
import { expect } from 'chai';
import { openFolderContext } from '../../../../../packages/core/src/context/folder-context.ts';
import { BuildSession } from '../../../../../packages/core/src/engines/docker/session/session.ts';
import { eventually } from '../../../../support/eventually.ts';
import { receiveFiles } from '../../../../support/file-receiver.ts';
import { field, fieldsOf, type GrpcPeer, grpcPeer } from '../../../../support/grpc-peer.ts';
import { makeWorkspace, type Workspace } from '../../../../support/workspace.ts';

type OnSession = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void;

/** Plays `Control/Session`: the bytes of a connection, each piece a BytesMessage, as one end of a connection. */
function unwrapped(stream: http2.ServerHttp2Stream): Duplex {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
  let rest = Buffer.alloc(0);
  const duplex = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      const message = field(1, chunk);
      const head = Buffer.alloc(5);
      head.writeUInt32BE(message.length, 1);
      stream.write(Buffer.concat([head, message]), done);
    },
    destroy(error, done) {
      stream.close();
      done(error);
    },
  });
  stream.on('error', () => {}).on('close', () => duplex.destroy());
  stream.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const end = 5 + rest.readUInt32BE(1);
      duplex.push(fieldsOf(rest.subarray(5, end)).get(1));
      rest = rest.subarray(end);
    }
  });
  return duplex;
}

describe('native session', () => {
  let workspace: Workspace;
  let server: Server;
  let client: DockerClient;
  let session: BuildSession;
  let peer: GrpcPeer | undefined;
  const sockets = new Set<Socket>();

  /** An engine of API 1.53: HTTP/1 and HTTP/2 on one socket, told apart by the first byte. */
  async function start(onSession: OnSession | 'http1-only'): Promise<{ upgrades: number }> {
    const seen = { upgrades: 0 };
    const http1 = createHttpServer((_request, response) =>
      response.setHeader('Api-Version', '1.53').end('OK'),
    );
    http1.on('upgrade', (_request, socket: Socket) => {
      seen.upgrades += 1;
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
      peer = grpcPeer(socket);
    });
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('data', (first: Buffer) => {
        socket.pause();
        socket.unshift(first);
        if (onSession === 'http1-only' || !first.toString('latin1').startsWith('PRI * HTTP/2.0')) {
          http1.emit('connection', socket);
          socket.resume();
          return;
        }
        const connection = http2.performServerHandshake(socket);
        connection.on('error', () => {});
        connection.on('stream', (stream, headers) => {
          stream.on('error', () => {});
          onSession(stream, headers);
        });
      });
    });
    const path = join(workspace.dir, 'engine.sock');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    client = new DockerClient({ address: { kind: 'socket', path }, endpoint: 'unix:///engine.sock' });
    await client.negotiate();
    const context = await openFolderContext(await workspace.context({ 'a.txt': 'x'.repeat(300_000) }));
    session = new BuildSession(context, { credentials: { credentialFor: async () => undefined } });
    return seen;
  }

  beforeEach(async () => {
    workspace = await makeWorkspace();
    peer = undefined;
  });
  afterEach(async () => {
    session.close();
    peer?.close();
    await client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
    await workspace.remove();
  });

  it('carries the whole session inside one call', async () => {
    const asked: http2.IncomingHttpHeaders[] = [];
    const seen = await start((stream, headers) => {
      asked.push(headers);
      peer = grpcPeer(unwrapped(stream));
    });
    await session.open(client);
    const [headers] = asked;
    expect(headers).to.deep.include({
      ':path': '/moby.buildkit.v1.Control/Session',
      'x-docker-expose-session-uuid': session.id,
      'x-docker-expose-session-name': 'mabuild',
    });
    expect(headers?.['x-docker-expose-session-grpc-method']).to.contain(
      '/moby.filesync.v1.FileSync/DiffCopy',
    );
    expect((await peer?.ask('/grpc.health.v1.Health/Check'))?.status).to.equal(0);
    const { contents } = await receiveFiles(peer as GrpcPeer, { 'dir-name': 'context' });
    expect(contents['a.txt']?.length).to.equal(300_000);
    expect(seen.upgrades).to.equal(0);
  });

  it('is lost when the engine ends the call', async () => {
    let ended: http2.ServerHttp2Stream | undefined;
    await start((stream) => {
      ended = stream;
      peer = grpcPeer(unwrapped(stream));
    });
    await session.open(client);
    ended?.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    await eventually(async () => expect(session.lost.aborted).to.equal(true));
  });

  it('is lost when the connection breaks', async () => {
    await start((stream) => {
      peer = grpcPeer(unwrapped(stream));
    });
    await session.open(client);
    for (const socket of sockets) socket.destroy();
    await eventually(async () => expect(session.lost.aborted).to.equal(true));
  });

  const refusals: readonly [string, OnSession | 'http1-only'][] = [
    ['speaks HTTP/1 only', 'http1-only'],
    [
      'does not know the call',
      (stream) => stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true }),
    ],
    ['answers 404', (stream) => stream.respond({ ':status': 404 }, { endStream: true })],
    ['breaks the call off', (stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM)],
    ['breaks the connection', (stream) => stream.session?.destroy()],
  ];
  for (const [what, onSession] of refusals)
    it(`gives way to POST /session when the engine ${what}`, async () => {
      const seen = await start(onSession);
      await session.open(client);
      expect(seen.upgrades).to.equal(1);
      expect((await peer?.ask('/grpc.health.v1.Health/Check'))?.status).to.equal(0);
    });
});
