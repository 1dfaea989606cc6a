import { once } from 'node:events';
import { unlink } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import type { BuildContext } from '../../../../packages/core/src/context/context.ts';
import { openFolderContext } from '../../../../packages/core/src/context/folder-context.ts';
import { DockerBuildkit } from '../../../../packages/core/src/engines/docker/buildkit.ts';
import type { EngineBuild } from '../../../../packages/core/src/engines/engine.ts';
import { engineBuild } from '../../../support/engine-build.ts';
import { eventually } from '../../../support/eventually.ts';
import { type FakeCall, type FakeEngine, fakeEngine } from '../../../support/fake-engine.ts';
import { receiveFiles } from '../../../support/file-receiver.ts';
import { type GrpcPeer, grpcPeer } from '../../../support/grpc-peer.ts';
import { rejection } from '../../../support/rejection.ts';
import { makeWorkspace, type Workspace } from '../../../support/workspace.ts';

type Answers = Parameters<typeof fakeEngine>[0];

const buildFor = (platform: string, more: Partial<EngineBuild> = {}): EngineBuild =>
  engineBuild(platform, 'FROM busybox\nRUN make\n', { builder: 'buildkit', buildArgs: { A: 'b' }, ...more });

const image = JSON.stringify({ id: 'moby.image.id', aux: { ID: 'sha256:full' } });
const failed = (message: string): string => JSON.stringify({ errorDetail: { code: 1, message } });
const credentials = { credentialFor: async () => undefined };

describe('building with BuildKit', () => {
  let workspace: Workspace;
  let directory: string;
  let context: BuildContext;
  let engine: FakeEngine;
  let buildkit: DockerBuildkit;
  let sockets: Socket[];
  let peer: GrpcPeer;

  async function start(answers: Answers): Promise<void> {
    engine = await fakeEngine({
      'POST /session': (_call, _response, socket) => {
        sockets.push(socket);
        peer = grpcPeer(socket);
      },
      'POST /build/cancel': (_call, response) => response.end(),
      ...answers,
    });
    buildkit = new DockerBuildkit(engine.client, { silenceAfterLoss: 50 });
  }

  function build(
    platform = 'linux/arm64',
    more: Partial<EngineBuild> = {},
    signal?: AbortSignal,
  ): Promise<string> {
    return buildkit.build(buildFor(platform, more), context, { credentials, hasBridge: true, signal });
  }

  const routes = (): readonly string[] => engine.calls.map(({ route }) => route);

  beforeEach(async () => {
    workspace = await makeWorkspace();
    directory = await workspace.context({ 'a.txt': 'content' });
    context = await openFolderContext(directory);
    sockets = [];
  });
  afterEach(async () => {
    await buildkit.close();
    peer?.close();
    await engine.close();
    await workspace.remove();
  });

  it('asks for one platform with the session and its Dockerfile', async () => {
    let dockerfile = '';
    await start({
      'POST /build': async (call, response) => {
        const name = call.query.get('dockerfile') ?? '';
        const { contents } = await receiveFiles(peer, { 'dir-name': 'dockerfile', followpaths: [name] });
        dockerfile = contents[name] ?? '';
        response.end(`${image}\n`);
      },
    });
    expect(await build('linux/arm/v7', { target: 'app', noCache: true })).to.equal('sha256:full');
    expect(dockerfile).to.equal('FROM busybox\nRUN make\n');
    const query = engine.calls.find(({ route }) => route === 'POST /build')?.query;
    expect(Object.fromEntries(query ?? [])).to.deep.include({
      version: '2',
      platform: 'linux/arm/v7',
      remote: 'client-session',
      target: 'app',
      nocache: '1',
      buildargs: '{"A":"b"}',
      networkmode: 'default',
    });
    expect(query?.get('session')).to.match(/^[0-9a-f]{32}$/);
  });

  it('opens one session for all platforms of a context, and another once the first was read', async () => {
    await start({ 'POST /build': (_call, response) => response.end(`${image}\n`) });
    const added = (content: string) => [{ path: '.mabuild-added/x', mode: 0o644, from: { content } }];
    await Promise.all(['linux/amd64', 'linux/arm64', 'linux/arm/v7'].map((platform) => build(platform)));
    expect(sockets).to.have.length(1);
    await build('linux/arm64', { addedFiles: added('one') });
    expect(sockets).to.have.length(1);
    await receiveFiles(peer, { 'dir-name': 'context' });
    await build('linux/arm64', { addedFiles: added('one') });
    expect(sockets).to.have.length(1);
    await build('linux/arm64', { addedFiles: added('two') });
    expect(sockets).to.have.length(2);
  });

  it('sends the context as a tar to an engine that refuses sessions', async () => {
    let tar: Buffer | undefined;
    await start({
      'POST /session': undefined,
      'POST /build': async (_call, response) => {
        tar = await buffer(response.req);
        response.end(`${image}\n`);
      },
    });
    expect(await build()).to.equal('sha256:full');
    expect(String(tar)).to.contain('a.txt').and.contain('content').and.contain('FROM busybox');
  });

  describe('ends with the real reason when', () => {
    const rows: readonly [string, Answers, string, RegExp][] = [
      [
        'a file cannot be read',
        {
          'POST /build': async (_call: FakeCall, response: ServerResponse) => {
            await receiveFiles(peer, { 'dir-name': 'context' }, () => false);
            await unlink(join(directory, 'a.txt'));
            const { end } = await receiveFiles(peer, { 'dir-name': 'context' });
            response.end(`${failed(`rpc error: ${end.message}`)}\n`);
          },
        },
        'CONTEXT_CHANGED',
        /^a\.txt of the build context was there/,
      ],
      [
        'the engine drops the session and says so',
        {
          'POST /build': async (_call: FakeCall, response: ServerResponse) => {
            sockets[0]?.destroy();
            await new Promise((resolve) => setTimeout(resolve, 20));
            response.end(`${failed('no active session for x: context deadline exceeded')}\n`);
          },
        },
        'ENGINE_SESSION_LOST',
        /dropped the build's session: .*no active session/,
      ],
      [
        'the engine drops the session and never says anything',
        {
          'POST /build': (_call: FakeCall, response: ServerResponse) => {
            response.write('{}\n');
            sockets[0]?.destroy();
          },
        },
        'ENGINE_SESSION_LOST',
        /dropped the build's session$/,
      ],
      [
        'the connection of the build breaks',
        {
          'POST /build': (_call: FakeCall, response: ServerResponse) => {
            response.write('{}\n', () => response.destroy());
          },
        },
        'ENGINE_UNREACHABLE',
        /POST \/build\): the connection was closed/,
      ],
      [
        'the build ends without an image',
        { 'POST /build': (_call: FakeCall, response: ServerResponse) => response.end('{}\n') },
        'ENGINE_ANSWER_INVALID',
        /without an image/,
      ],
      [
        'the engine refuses the build',
        {
          'POST /build': (_call: FakeCall, response: ServerResponse) =>
            response.writeHead(400).end('{"message":"bad platform"}'),
        },
        'ENGINE_REFUSED',
        /bad platform/,
      ],
    ];
    for (const [what, answers, code, message] of rows)
      it(what, async () => {
        await start(answers);
        const error = await rejection(build());
        expect(error.code).to.equal(code);
        expect(error.message).to.match(message);
      });
  });

  it('lets a step that runs end after the session is lost', async () => {
    await start({
      'POST /build': (_call, response) => {
        sockets[0]?.destroy();
        let count = 0;
        const timer = setInterval(() => {
          response.write('{}\n{"id":"x","stream":"still here"}\n');
          count += 1;
          if (count < 8) return;
          clearInterval(timer);
          response.end(`${image}\n`);
        }, 20);
      },
    });
    expect(await build()).to.equal('sha256:full');
  });

  it('opens another session after one was dropped', async () => {
    await start({ 'POST /build': (_call, response) => response.end(`${image}\n`) });
    await build();
    sockets[0]?.destroy();
    await eventually(async () => {
      await build();
      expect(sockets).to.have.length(2);
    });
  });

  describe('stops with the reason of an abort while', () => {
    const rows: readonly [string, (reached: () => void) => Answers][] = [
      [
        'the context is sent',
        (reached) => ({
          'POST /build': async () => {
            await receiveFiles(peer, { 'dir-name': 'context' }, () => {
              reached();
              return false;
            });
          },
        }),
      ],
      [
        'a step runs',
        (reached) => ({
          'POST /build': (_call: FakeCall, response: ServerResponse) => {
            response.write('{}\n', () => reached());
          },
        }),
      ],
      ['nothing is answered', (reached) => ({ 'POST /build': () => reached() })],
    ];
    for (const [what, answers] of rows)
      it(what, async () => {
        const controller = new AbortController();
        const why = new Error('enough');
        await start(answers(() => controller.abort(why)));
        expect(await rejection(build('linux/arm64', {}, controller.signal))).to.equal(why);
        expect(routes()).to.contain('POST /build/cancel');
        const asked = engine.calls.find(({ route }) => route === 'POST /build')?.query.get('buildid');
        const stopped = engine.calls.find(({ route }) => route === 'POST /build/cancel')?.query.get('id');
        expect(stopped).to.equal(asked).and.not.equal(undefined);
        const gone = sockets[0]?.destroyed ? undefined : once(sockets[0] as Socket, 'close');
        await buildkit.close();
        await gone;
      });

    it('the session opens', async () => {
      const controller = new AbortController();
      const why = new Error('enough');
      await start({});
      engine.client.upgrade = () => {
        setImmediate(() => controller.abort(why));
        return new Promise(() => {});
      };
      expect(await rejection(build('linux/arm64', {}, controller.signal))).to.equal(why);
      expect(routes()).to.not.contain('POST /build');
    });
  });
});
