import { expect } from 'chai';
import { createSandbox } from '../../../../packages/core/src/engines/embedded/sandbox/sandbox.ts';
import { hasDebs } from '../../../support/debs.ts';
import { embeddedTrial } from '../../../support/embedded-engine.ts';
import { makeImage } from '../../../support/made-image.ts';
import { rejection } from '../../../support/rejection.ts';
import { helperFolder, removeFolder, sandboxOptions } from '../../../support/sandbox.ts';
import { sandboxUsers } from '../../../support/sandbox-users.ts';

describe('RUN --network=none in a sandbox without networks', () => {
  const base = makeImage({ platform: 'linux/amd64', config: {}, layers: [[{ path: 'a', content: 'A' }]] });
  const none = 'RUN --network=none last';

  /** A Dockerfile after its first FROM, the line that is refused, what is executed. */
  const rows: readonly (readonly [
    name: string,
    rest: string,
    line: number | undefined,
    executed: string[],
  ])[] = [
    ['refuses the RUN itself', none, 2, []],
    ['refuses a later RUN before an earlier one is executed', `RUN first\n${none}`, 3, []],
    ['refuses a stage on it', `RUN first\nFROM below\n${none}`, 4, []],
    ['refuses a stage that copies from it', `RUN first\nFROM base\nCOPY --from=below a b\n${none}`, 5, []],
    [
      'lets a stage be that nobody needs',
      `RUN first\nFROM base\n${none}\nFROM below\nRUN other`,
      undefined,
      ['first', 'other'],
    ],
    ['lets other networks be', 'RUN first\nRUN --network=host other', undefined, ['first', 'other']],
  ];
  for (const [name, rest, line, executed] of rows) {
    it(name, async () => {
      const done: string[] = [];
      const trial = await embeddedTrial(
        { base },
        {
          lacksNetworks: async () => 'it has none',
          run: async ({ command }) => {
            done.push(command.at(-1) ?? '');
            return undefined;
          },
        },
      );
      try {
        const built = trial.build(`FROM base AS below\n${rest}`);
        if (line === undefined) await built;
        else {
          const error = await rejection(built);
          expect(error.message).to.match(
            new RegExp(`^at line ${line} \\(RUN\\): --network=none .*: it has none$`),
          );
          expect(error).to.have.property('code', 'SANDBOX_UNAVAILABLE');
        }
        expect(done).to.deep.equal(executed);
      } finally {
        await trial.remove();
      }
    });
  }

  it('is not refused where it is remembered', async () => {
    let lacks: string | undefined;
    const run = async (): Promise<undefined> => undefined;
    const trial = await embeddedTrial({ base }, { lacksNetworks: async () => lacks, run });
    try {
      await trial.build(`FROM base\n${none}`);
      lacks = 'it has none';
      await trial.build(`FROM base\n${none}`);
    } finally {
      await trial.remove();
    }
  });

  for (const [kind, says] of [
    ['namespaces', undefined],
    ['user-namespace', undefined],
    ['chroot', 'RUN is executed in a changed root, as this machine allows no namespaces'],
    ['proot', 'RUN is executed with proot, as this machine allows no namespaces'],
  ] as const)
    it(`is ${says === undefined ? 'done' : 'not done'} by ${kind}`, async function () {
      this.timeout(300_000);
      if (process.platform !== 'linux' || sandboxUsers().length === 1 || !(await hasDebs())) this.skip();
      const { folder, helper } = await helperFolder();
      try {
        const sandbox = createSandbox(sandboxOptions(helper, `${folder}/cache`, { only: [[kind, 'copy']] }));
        const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
        expect(await sandbox.lacksNetworks({ os: 'linux', architecture })).to.equal(says);
      } finally {
        await removeFolder(folder);
      }
    });
});
