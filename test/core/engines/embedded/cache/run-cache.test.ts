import { Readable } from 'node:stream';
import { expect } from 'chai';
import { type EmbeddedTrial, embeddedTrial, type TrialOptions } from '../../../../support/embedded-engine.ts';
import { makeImage } from '../../../../support/made-image.ts';

type Build = NonNullable<TrialOptions['build']>;

describe('results of RUN', () => {
  const base = makeImage({ platform: 'linux/amd64', config: {}, layers: [[{ path: 'a', content: 'A' }]] });
  let trial: EmbeddedTrial;
  let executed: number;
  let limits: string | undefined;
  let limitsAfter: string | undefined;
  beforeEach(async () => {
    executed = 0;
    limits = limitsAfter = undefined;
    trial = await embeddedTrial(
      { base },
      {
        runLimits: async () => limits,
        run: async ({ command }, site) => {
          executed += 1;
          if (command.includes('true')) return undefined;
          limits = limitsAfter ?? limits;
          const content = Buffer.from(`made ${executed}`);
          const open = async (): Promise<Readable> => Readable.from([content], { objectMode: false });
          const file = { uid: 0, gid: 0, mtime: 0, size: content.length, open };
          return await site.write([{ path: 'made', type: 'file', mode: 0o644, ...file }]);
        },
      },
    );
  });
  afterEach(() => trial.remove());

  /** How often both builds together execute the RUN. */
  const rows: readonly (readonly [string, string, string, Build, Build, number])[] = [
    ['the same', 'RUN make', 'RUN make', {}, {}, 1],
    ['another proxy of the build', 'RUN make', 'RUN make', proxy('1'), proxy('2'), 1],
    ['another proxy in ENV', 'ENV https_proxy=1\nRUN make', 'ENV https_proxy=2\nRUN make', {}, {}, 2],
    [
      'another proxy in a named ARG',
      'ARG https_proxy\nRUN make',
      'ARG https_proxy\nRUN make',
      proxy('1'),
      proxy('2'),
      2,
    ],
    ['another network', 'RUN make', 'RUN --network=none make', {}, {}, 2],
    ['another user', 'RUN make', 'USER 7\nRUN make', {}, {}, 2],
    ['another host', 'RUN make', 'RUN make', {}, hosts('1.2.3.4'), 2],
    ['an argument that no ARG names', 'RUN make', 'RUN make', {}, { buildArgs: { A: '1' } }, 1],
    ['another secret', 'RUN --mount=type=secret,id=a make', 'RUN --mount=type=secret,id=b make', {}, {}, 2],
  ];
  for (const [title, first, second, one, two, times] of rows) {
    it(`are ${times === 1 ? 'taken' : 'not taken'} with ${title}`, async () => {
      await trial.build(`FROM base\n${first}`, { build: one });
      await trial.build(`FROM base\n${second}`, { build: two });
      expect(executed).to.equal(times);
    });
  }

  for (const command of ['make', '["true"]']) {
    it(`that are taken are told as cached, and no others: ${command}`, async () => {
      const states: string[] = [];
      const onStep: TrialOptions['onStep'] = (name, state) =>
        void (name.startsWith('RUN') && state !== 'started' && states.push(state));
      const dockerfile = `FROM base\nRUN ${command}`;
      await trial.build(dockerfile, { onStep });
      await trial.build(dockerfile, { onStep });
      await trial.build(dockerfile, { onStep, build: { noCache: true } });
      expect(states).to.deep.equal(['done', 'cached', 'done']);
    });
  }

  it('of a sandbox that cannot give files all owners serve no other one', async () => {
    const dockerfile = 'FROM base\nRUN make';
    limits = 'proot';
    const limited = await trial.build(dockerfile);
    await trial.build(dockerfile);
    expect(executed).to.equal(1);
    limits = undefined;
    const whole = await trial.build(dockerfile);
    expect(executed).to.equal(2);
    expect(whole.blobs).not.to.deep.equal(limited.blobs);
    limits = 'proot';
    expect((await trial.build(dockerfile)).blobs).to.deep.equal(whole.blobs);
    expect(executed).to.equal(2);
  });

  it('of a sandbox that took the place of another one during the RUN serve no other one', async () => {
    const dockerfile = 'FROM base\nRUN make';
    limitsAfter = 'proot';
    await trial.build(dockerfile);
    limits = limitsAfter = undefined;
    await trial.build(dockerfile);
    expect(executed).to.equal(2);
  });
});

function proxy(value: string): Build {
  return { buildArgs: { https_proxy: value } };
}

function hosts(address: string): Build {
  return { settings: { hosts: [{ name: 'h', address }], shmSize: undefined, ulimits: [] } };
}
