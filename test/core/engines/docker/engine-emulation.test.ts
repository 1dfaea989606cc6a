import { parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { openEngineEmulation } from '../../../../packages/core/src/engines/docker/engine-emulation.ts';
import type { EngineInfo } from '../../../../packages/core/src/engines/engine.ts';
import { type FakeEngine, fakeEngine } from '../../../support/fake-engine.ts';
import { rejection } from '../../../support/rejection.ts';

describe("an engine's emulation", () => {
  let engine: FakeEngine | undefined;
  afterEach(() => engine?.close());
  const info = { platform: parsePlatform('linux/amd64'), version: '1', hasBridge: true } as EngineInfo;

  it('takes an image away that was loading when it was closed, once it is there', async () => {
    const images = new Set<string>();
    let loading = (): void => {};
    const started = new Promise<void>((resolve) => {
      loading = resolve;
    });
    engine = await fakeEngine({
      'POST /images/load': async (_call, response) => {
        loading();
        // An engine goes on loading whether or not anybody still waits.
        await new Promise((resolve) => setTimeout(resolve, 50));
        images.add('the program');
        response.end('{"stream":"Loaded image: mabuild-probe:1"}\n');
      },
      'DELETE /images/{}': (_call, response) => {
        images.clear();
        response.end('[]');
      },
    });
    const emulation = openEngineEmulation({ client: engine.client, info });
    const answer = rejection(emulation.of(parsePlatform('linux/arm64')));
    await started;
    await emulation.close();
    expect((await answer).name).to.equal('AbortError');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([...images]).to.deep.equal([]);
    expect(engine.calls.map(({ route }) => route)).to.not.include('POST /containers/create');
  });

  it('asks once for a platform, however it is called', async () => {
    engine = await fakeEngine({
      'POST /images/load': (_call, response) => response.end('{"stream":"Loaded image: a"}\n'),
      'POST /containers/create': (_call, response) =>
        response.writeHead(400).end('{"message":"exec format error"}'),
      'DELETE /images/{}': (_call, response) => response.end('[]'),
    });
    const emulation = openEngineEmulation({ client: engine.client, info });
    const answers = ['linux/arm', 'linux/arm/v7', 'linux/arm/7'].map((name) =>
      emulation.of(parsePlatform(name)),
    );
    expect(await Promise.all(answers)).to.deep.equal(answers.map(() => ({ kind: 'none' })));
    expect(engine.calls.filter(({ route }) => route === 'POST /images/load')).to.have.length(1);
    await emulation.close();
  });
});
