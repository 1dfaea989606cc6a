import { PassThrough, Readable } from 'node:stream';
import { isMabuildError, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { hasPlatform, runContainer } from '../../../../packages/core/src/engines/docker/run.ts';
import type { ContainerRequest } from '../../../../packages/core/src/engines/engine.ts';
import { type FakeEngine, fakeEngine } from '../../../support/fake-engine.ts';
import { rejection } from '../../../support/rejection.ts';

const frame = (stream: 1 | 2, text: string): Buffer => {
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
};

type Answers = Parameters<typeof fakeEngine>[0];
const usual = (output: readonly Buffer[]): Answers => ({
  'POST /containers/create': (_call, response) => response.writeHead(201).end('{"Id":"c1"}'),
  'POST /containers/{}/attach': async (_call, _response, socket) => {
    for (const chunk of output) {
      socket.write(chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.end();
  },
  'POST /containers/{}/start': (_call, response) => response.writeHead(204).end(),
  'POST /containers/{}/wait': (_call, response) => response.end('{"StatusCode":3}'),
  'DELETE /containers/{}': (_call, response) => response.writeHead(204).end(),
});

describe('running a container', () => {
  let engine: FakeEngine | undefined;
  afterEach(async () => {
    await engine?.close();
    engine = undefined;
  });
  const run = async (
    answers: Answers,
    request: Partial<ContainerRequest> = {},
    more: { signal?: AbortSignal; hasBridge?: boolean; input?: Readable } = {},
  ) => {
    engine = await fakeEngine(answers);
    return await runContainer(engine.client, { image: 'i', ...request }, { hasBridge: true, ...more });
  };
  const created = (): { HostConfig: Record<string, unknown>; [name: string]: unknown } =>
    engine?.calls.findLast(({ route }) => route === 'POST /containers/create')?.body as never;
  const routes = (): readonly string[] => (engine?.calls ?? []).map(({ route }) => route);

  const whole = Buffer.concat([frame(1, 'out'), frame(2, 'err'), frame(1, ' more')]);
  const pieces: readonly [string, readonly Buffer[]][] = [
    ['whole', [whole]],
    ['byte by byte', Array.from(whole, (byte) => Buffer.from([byte]))],
    ['cut in a head', [whole.subarray(0, 5), whole.subarray(5, 13), whole.subarray(13)]],
  ];
  for (const [name, output] of pieces)
    it(`takes the streams apart: ${name}`, async () => {
      expect(await run(usual(output))).to.deep.equal({ exitCode: 3, stdout: 'out more', stderr: 'err' });
      expect(routes().at(-1)).to.equal('DELETE /containers/c1');
    });

  it('has no standard input that is not given', async () => {
    await run(usual([]));
    expect(created()).not.to.have.any.keys('OpenStdin', 'AttachStdin');
    const attached = engine?.calls.find(({ route }) => route.endsWith('/attach'));
    expect(attached?.query.get('stdin')).to.equal(null);
  });

  it('is given its standard input to the end, and answers after that', async () => {
    let got = 0;
    const answers: Answers = {
      ...usual([]),
      'POST /containers/{}/attach': (_call, _response, socket) => {
        socket.on('data', (chunk: Buffer) => {
          got += chunk.length;
        });
        socket.once('end', () => socket.end(frame(1, String(got))));
      },
    };
    const input = Readable.from([Buffer.alloc(200_000), Buffer.from('end')], { objectMode: false });
    expect(await run(answers, {}, { input })).to.include({ exitCode: 3, stdout: '200003' });
    expect(created()).to.include({ OpenStdin: true, StdinOnce: true, AttachStdin: true });
    const attached = engine?.calls.find(({ route }) => route.endsWith('/attach'));
    expect(attached?.query.get('stdin')).to.equal('1');
  });

  it('reads no further when the container has ended', async () => {
    const endless = new PassThrough();
    endless.write('first');
    expect(await run(usual([frame(1, 'out')]), {}, { input: endless })).to.include({ stdout: 'out' });
    expect(endless.isPaused()).to.equal(true);
  });

  const ports: readonly [string, string, object][] = [
    ['8080:80', '80/tcp', { HostIp: '', HostPort: '8080' }],
    ['127.0.0.1:8080:80', '80/tcp', { HostIp: '127.0.0.1', HostPort: '8080' }],
    ['[::1]:8080:80/udp', '80/udp', { HostIp: '::1', HostPort: '8080' }],
    [':80', '80/tcp', { HostIp: '', HostPort: '' }],
    ['127.0.0.1::80', '80/tcp', { HostIp: '127.0.0.1', HostPort: '' }],
  ];
  for (const [text, container, binding] of ports)
    it(`publishes ${text}`, async () => {
      await run(usual([]), { ports: [text] });
      expect(created().HostConfig.PortBindings).to.deep.equal({ [container]: [binding] });
      expect(created().ExposedPorts).to.deep.equal({ [container]: {} });
    });

  for (const text of ['', '80', 'a:b', '8080:80/icmp', '1:2:3:4', '70000:80', '80:70000'])
    it(`refuses the port '${text}'`, async () => {
      const error = await run(usual([]), { ports: [text] }).catch((thrown: unknown) => thrown);
      expect(isMabuildError(error) && error.code).to.equal('INVALID_PORT');
      expect(routes()).to.deep.equal(['GET /_ping']);
    });

  const networks: readonly [string | undefined, boolean, string][] = [
    [undefined, true, 'default'],
    [undefined, false, 'host'],
    ['default', false, 'host'],
    ['none', false, 'none'],
    ['host', true, 'host'],
  ];
  for (const [network, hasBridge, expected] of networks)
    it(`network ${network}, ${hasBridge ? 'a' : 'no'} bridge: ${expected}`, async () => {
      await run(usual([]), network === undefined ? {} : { network }, { hasBridge });
      expect(created().HostConfig.NetworkMode).to.equal(expected);
    });

  it('asks again with low limits where the first are refused', async () => {
    let attempts = 0;
    const result = await run({
      ...usual([frame(1, 'x')]),
      'POST /containers/{}/start': (_call, response) => {
        attempts++;
        if (attempts === 1)
          response.writeHead(500).end('{"message":"error setting rlimit type 7: operation not permitted"}');
        else response.writeHead(204).end();
      },
    });
    expect(result.stdout).to.equal('x');
    expect(created().HostConfig.Ulimits).to.be.an('array');
    expect(routes().filter((route) => route.startsWith('DELETE'))).to.have.length(2);
  });

  it('an abort while it is created removes it once it is there', async () => {
    const controller = new AbortController();
    const reason = { why: 'enough' };
    const promise = run(
      {
        ...usual([]),
        'POST /containers/create': (_call, response) => {
          controller.abort(reason);
          setTimeout(() => response.writeHead(201).end('{"Id":"late"}'), 30);
        },
      },
      {},
      { signal: controller.signal },
    );
    expect(await promise.catch((thrown: unknown) => thrown)).to.equal(reason);
    expect(routes().slice(-2)).to.deep.equal(['POST /containers/create', 'DELETE /containers/late']);
  });

  const failures: readonly [string, Answers, string][] = [
    [
      'it cannot be started',
      {
        'POST /containers/{}/start': (_call, response) =>
          response.writeHead(400).end('{"message":"no such program"}'),
      },
      'ENGINE_REFUSED',
    ],
    [
      'the engine goes away while it runs',
      { 'POST /containers/{}/wait': (_call, response) => response.destroy() },
      'ENGINE_UNREACHABLE',
    ],
  ];
  for (const [name, answers, code] of failures)
    it(`is removed when ${name}`, async () => {
      const error = await run({ ...usual([]), ...answers }).catch((thrown: unknown) => thrown);
      expect(isMabuildError(error) && error.code).to.equal(code);
      expect(routes().at(-1)).to.equal('DELETE /containers/c1');
    });

  it('one that is gone already is no error', async () => {
    const result = await run({
      ...usual([]),
      'DELETE /containers/{}': (_call, response) => response.writeHead(404).end('{"message":"gone"}'),
    });
    expect(result.exitCode).to.equal(3);
  });
});

describe('asking for one platform of an image', () => {
  const refusals: readonly [string, number][] = [
    ['No such image: app:1', 404],
    ['image with reference app:1 was found but does not provide the specified platform (linux/arm/v7)', 404],
  ];
  const ask = async (answers: Answers) => {
    const engine = await fakeEngine(answers);
    try {
      const answer = await hasPlatform(engine.client, 'app:1', parsePlatform('linux/arm/v7'));
      return { answer, calls: engine.calls.filter(({ route }) => route !== 'GET /_ping') };
    } finally {
      await engine.close();
    }
  };

  it('makes a container, starts none and removes it', async () => {
    const { answer, calls } = await ask(usual([]));
    expect(answer).to.equal(true);
    expect(calls.map(({ route }) => route)).to.deep.equal([
      'POST /containers/create',
      'DELETE /containers/c1',
    ]);
    expect(calls[0]?.query.get('platform')).to.equal('linux/arm/v7');
  });

  for (const [message, status] of refusals)
    it(`is not there: ${message}`, async () => {
      const { answer, calls } = await ask({
        'POST /containers/create': (_call, response) =>
          response.writeHead(status).end(JSON.stringify({ message })),
      });
      expect(answer).to.equal(false);
      expect(calls).to.have.lengthOf(1);
    });

  it('says what else is wrong', async () => {
    const error = await rejection(
      ask({
        'POST /containers/create': (_call, response) =>
          response.writeHead(500).end('{"message":"no space left on device"}'),
      }),
    );
    expect(error).to.include({ code: 'ENGINE_REFUSED' });
    expect(error.message).to.include('no space left');
  });
});
