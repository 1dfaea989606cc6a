import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createNetServer, type Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { isMabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import { DockerClient } from '../../../../packages/core/src/engines/docker/client.ts';
import { EngineRefusedError } from '../../../../packages/core/src/engines/docker/client-error.ts';
import { encodeRegistryAuth } from '../../../../packages/core/src/engines/docker/registry-auth.ts';

/** Plays an engine where a real one would not misbehave; real ones answer in the tests under e2e. */
describe('engine client', () => {
  let directory: string;
  let listener: RequestListener;
  let server: Server;
  let client: DockerClient;
  const servers: NetServer[] = [];

  const ping: RequestListener = (_request, response) =>
    void response.writeHead(200, { 'Api-Version': '1.41' }).end('OK');
  const codeOf = (error: unknown): string | undefined => (isMabuildError(error) ? error.code : undefined);
  const thrownBy = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => expect.fail('resolved'),
      (error) => error,
    );
  const clientAt = (path: string): DockerClient =>
    new DockerClient({ address: { kind: 'socket', path }, endpoint: `unix://${path}` });
  const listen = async <T extends NetServer>(made: T, where: string | number): Promise<T> => {
    servers.push(made);
    await new Promise<void>((resolve) =>
      typeof where === 'string' ? made.listen(where, resolve) : made.listen(where, '127.0.0.1', resolve),
    );
    return made;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-client-'));
    server = await listen(
      createServer((request, response) => listener(request, response)),
      join(directory, 'engine.sock'),
    );
    listener = ping;
    client = clientAt(join(directory, 'engine.sock'));
    await client.negotiate();
  });
  after(async () => {
    await client.close();
    server.closeAllConnections();
    for (const made of servers) made.close();
    await rm(directory, { recursive: true, force: true });
  });

  describe('negotiation', () => {
    const rows: readonly [string, Record<string, string>, string | undefined, object | string][] = [
      ['20.10', { 'Api-Version': '1.41' }, undefined, { api: '1.41', kind: 'docker' }],
      ['26', { 'Api-Version': '1.45', 'Builder-Version': '2' }, undefined, { api: '1.45', builder: '2' }],
      ['1.9 is older than 1.41', { 'Api-Version': '1.9' }, undefined, 'ENGINE_TOO_OLD'],
      [
        'newer than we know, minimum 1.44',
        { 'Api-Version': '1.60' },
        '1.44',
        { api: '1.53', server: '1.60' },
      ],
      ['newer than we know, minimum 1.54', { 'Api-Version': '1.60' }, '1.54', 'ENGINE_TOO_NEW'],
      [
        'podman',
        { 'Api-Version': '1.41', 'Libpod-API-Version': '4.3.1' },
        undefined,
        { api: '1.41', kind: 'podman' },
      ],
      ['no version at all', {}, undefined, 'NOT_AN_ENGINE'],
      ['a version that is none', { 'Api-Version': 'latest' }, undefined, 'NOT_AN_ENGINE'],
    ];
    for (const [name, headers, minimum, expected] of rows)
      it(name, async () => {
        listener = (request, response) => {
          if (request.url === '/_ping') response.writeHead(200, headers).end('OK');
          else response.end(JSON.stringify({ MinAPIVersion: minimum }));
        };
        const fresh = clientAt(join(directory, 'engine.sock'));
        try {
          const answer = await fresh.negotiate().catch((error: unknown) => codeOf(error));
          if (typeof expected === 'string') expect(answer).to.equal(expected);
          else expect(answer).to.include(expected);
        } finally {
          await fresh.close();
        }
      });
  });

  describe('requests', () => {
    it('carry version, query, headers and a JSON body', async () => {
      let seen: { url?: string | undefined; type?: string | undefined; body?: string } = {};
      listener = async (request, response) => {
        seen = { url: request.url, type: request.headers['content-type'], body: await text(request) };
        response.end('{"Id":"x"}');
      };
      const answer = await client.json('POST', '/containers/create', {
        query: { name: 'a b', yes: true, no: undefined, t: ['1', '2'] },
        body: { Image: 'i' },
      });
      expect(answer).to.deep.equal({ Id: 'x' });
      expect(seen).to.deep.equal({
        url: '/v1.41/containers/create?name=a+b&yes=1&t=1&t=2',
        type: 'application/json',
        body: '{"Image":"i"}',
      });
    });

    it('stream a body up and another down', async () => {
      listener = (request, response) => void request.pipe(response);
      const body = Readable.from([Buffer.alloc(100_000, 1), Buffer.alloc(100_000, 2)]);
      const answer = await client.request('POST', '/build', { body });
      expect((await buffer(answer.body)).length).to.equal(200_000);
    });

    it('are sent again when a kept connection had been closed', async () => {
      listener = ping;
      await client.json('GET', '/x').catch(() => {});
      server.closeIdleConnections();
      const { body } = await client.request('GET', '/y');
      expect(await text(body)).to.equal('OK');
    });
  });

  describe('refusals', () => {
    const rows: readonly [string, number, string, string][] = [
      ['a reason', 404, '{"message":"No such image: x"}', 'No such image: x (HTTP 404)'],
      ['an empty reason', 500, '{"message":" "}', '{"message":" "} (HTTP 500)'],
      ['HTML', 502, '<html>\n<h1>Bad Gateway</h1>', '<html> (HTTP 502)'],
      ['nothing', 503, '', 'no reason given (HTTP 503)'],
    ];
    for (const [name, status, answer, expected] of rows)
      it(name, async () => {
        listener = (_request, response) => void response.writeHead(status).end(answer);
        const error = await thrownBy(client.request('GET', '/images/x/json', { query: { token: 'secret' } }));
        expect(error).to.be.instanceOf(EngineRefusedError);
        expect(error).to.include({ code: 'ENGINE_REFUSED', status });
        expect((error as Error).message)
          .to.contain(`refused GET /images/x/json: ${expected}`)
          .and.not.contain('secret');
      });

    it('an allowed status is no error', async () => {
      listener = (_request, response) => void response.writeHead(404).end();
      expect((await client.request('GET', '/networks/bridge', { allow: [404] })).status).to.equal(404);
    });

    it('an answer that is no JSON', async () => {
      listener = (_request, response) => void response.end('<html>');
      expect(codeOf(await thrownBy(client.json('GET', '/info')))).to.equal('NOT_AN_ENGINE');
    });

    it('an answer that comes before the body has been read', async () => {
      listener = (request, response) => {
        request.resume();
        response.writeHead(400).end('{"message":"dockerfile parse error"}');
      };
      const endless = Readable.from(
        (async function* () {
          for (;;) yield Buffer.alloc(65_536);
        })(),
      );
      const error = await thrownBy(client.request('POST', '/build', { body: endless }));
      expect((error as Error).message).to.contain('dockerfile parse error');
    });
  });

  describe('failures', () => {
    it('no socket', async () => {
      const error = await thrownBy(clientAt(join(directory, 'absent.sock')).negotiate());
      expect(codeOf(error)).to.equal('ENGINE_UNREACHABLE');
      expect((error as Error).message).to.contain('there is no such socket');
    });

    it('nobody listens', async () => {
      const made = await listen(createNetServer(), 0);
      const { port } = made.address() as AddressInfo;
      await new Promise((resolve) => made.close(resolve));
      const address = { kind: 'tcp', host: '127.0.0.1', port } as const;
      const error = await thrownBy(new DockerClient({ address, endpoint: 'tcp://x' }).negotiate());
      expect(codeOf(error)).to.equal('ENGINE_UNREACHABLE');
      expect((error as Error).message).to.contain('nothing listens there');
    });

    it('something that speaks no HTTP', async () => {
      await listen(
        createNetServer((socket) => {
          socket.on('error', () => {});
          socket.end('220 mail.example ESMTP\r\n');
        }),
        join(directory, 'mail.sock'),
      );
      expect(codeOf(await thrownBy(clientAt(join(directory, 'mail.sock')).negotiate()))).to.equal(
        'ENGINE_UNREACHABLE',
      );
    });

    it('silence', async () => {
      listener = () => {};
      const error = await thrownBy(client.request('GET', '/info', { timeoutMs: 30 }));
      expect(codeOf(error)).to.equal('ENGINE_UNREACHABLE');
      expect((error as Error).message).to.contain('no answer within');
    });

    it('a connection that breaks in the answer', async () => {
      listener = (_request, response) => {
        response.writeHead(200, { 'Content-Length': 100 });
        response.write('{"a":', () => response.destroy());
      };
      expect(codeOf(await thrownBy(client.json('GET', '/info')))).to.equal('ENGINE_UNREACHABLE');
    });

    it('a body that cannot be read rejects with its own error', async () => {
      listener = (request) => void request.resume();
      const reason = new Error('the disk is gone');
      const body = Readable.from(
        (async function* () {
          yield Buffer.from('x');
          throw reason;
        })(),
      );
      expect(await thrownBy(client.request('POST', '/build', { body }))).to.equal(reason);
    });
  });

  describe('aborts', () => {
    const reason = { why: 'enough' };

    it('before', async () => {
      expect(await thrownBy(client.request('GET', '/info', { signal: AbortSignal.abort(reason) }))).to.equal(
        reason,
      );
    });

    it('while the engine thinks: it sees the connection close', async () => {
      const controller = new AbortController();
      const closed = new Promise<void>((resolve) => {
        listener = (request) => {
          request.on('close', resolve).resume();
          controller.abort(reason);
        };
      });
      expect(await thrownBy(client.request('GET', '/info', { signal: controller.signal }))).to.equal(reason);
      await closed;
    });

    it('while the answer comes', async () => {
      const controller = new AbortController();
      listener = (_request, response) => void response.write('{"a"');
      const answer = client.json('GET', '/info', { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 20);
      expect(await thrownBy(answer)).to.equal(reason);
    });
  });

  describe('other protocols', () => {
    it('upgrade a connection', async () => {
      server.once('upgrade', (request: IncomingMessage, socket) => {
        socket.write(
          `HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhead of ${request.url};`,
        );
        socket.on('data', (chunk) => socket.end(`echo ${chunk}`));
      });
      const stream = await client.upgrade('/session', { Upgrade: 'h2c' }, { query: { a: 1 } });
      stream.write('me');
      expect(await text(stream)).to.equal('head of /v1.41/session?a=1;echo me');
    });

    it('say why an upgrade is refused', async () => {
      listener = (_request, response) => void response.writeHead(404).end('{"message":"page not found"}');
      const error = await thrownBy(client.upgrade('/session', { Upgrade: 'h2c' }));
      expect(error).to.include({ code: 'ENGINE_REFUSED', status: 404 });
    });

    it('open a bare connection', async () => {
      await listen(
        createNetServer((socket) => void socket.pipe(socket)),
        join(directory, 'echo.sock'),
      );
      const stream = await clientAt(join(directory, 'echo.sock')).connect();
      stream.end('raw');
      expect(await text(stream)).to.equal('raw');
      expect(codeOf(await thrownBy(clientAt(join(directory, 'absent.sock')).connect()))).to.equal(
        'ENGINE_UNREACHABLE',
      );
    });
  });

  describe('TLS', () => {
    let port: number;
    let certificate: Buffer;
    before(async () => {
      const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
      execFileSync(
        'openssl',
        ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject],
        { stdio: 'ignore' },
      );
      certificate = await readFile(cert);
      const secure = await listen(
        createTlsServer({ key: await readFile(key), cert: certificate }, answerTls),
        0,
      );
      port = (secure.address() as AddressInfo).port;
    });
    const answerTls = (request: IncomingMessage, response: ServerResponse): void =>
      ping(request, response as never);
    const secureClient = (tls: object, host = '127.0.0.1'): DockerClient =>
      new DockerClient({ address: { kind: 'tcp', host, port, tls }, endpoint: `tcp://${host}:${port}` });

    const rows: readonly [string, (ca: Buffer) => object, string, string | undefined][] = [
      ['a known certificate, by address', (ca) => ({ ca }), '127.0.0.1', undefined],
      ['a known certificate, by name', (ca) => ({ ca }), 'localhost', undefined],
      ['an unknown certificate', () => ({}), '127.0.0.1', 'ENGINE_UNREACHABLE'],
      ['an unknown certificate, not verified', () => ({ verify: false }), '127.0.0.1', undefined],
    ];
    for (const [name, tls, host, code] of rows)
      it(name, async () => {
        const secure = secureClient(tls(certificate), host);
        const answer = await secure.negotiate().catch((error: unknown) => error);
        await secure.close();
        expect(codeOf(answer)).to.equal(code);
      });

    it('opens bare connections too', async () => {
      const secure = secureClient({ ca: certificate });
      const stream = await secure.connect();
      stream.end('GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      expect(await text(stream)).to.contain('Api-Version: 1.41');
      await secure.close();
    });
  });

  it('registry credentials keep their base64 padding', () => {
    for (const value of [{}, { a: 1 }, { a: '12' }, { a: '123' }, { a: '??>>' }]) {
      const encoded = encodeRegistryAuth(value);
      expect(encoded.length % 4, encoded).to.equal(0);
      expect(encoded).to.match(/^[\w-]+={0,2}$/);
      expect(JSON.parse(Buffer.from(encoded, 'base64url').toString())).to.deep.equal(value);
    }
  });
});
