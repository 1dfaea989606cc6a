import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { layerTar } from '../../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { sandboxRun } from '../../../../../packages/core/src/engines/embedded/sandbox/run-program.ts';
import { createSandbox } from '../../../../../packages/core/src/engines/embedded/sandbox/sandbox.ts';
import { debTree, hasDebs } from '../../../../support/debs.ts';
import { embeddedTrial } from '../../../../support/embedded-engine.ts';
import { makeImage } from '../../../../support/made-image.ts';
import { busyboxRoot, helperFolder, removeFolder, sandboxOptions } from '../../../../support/sandbox.ts';

describe('a RUN whose mounted file changes when it is about to be executed', function () {
  this.timeout(300_000);
  before(async function () {
    if (process.platform !== 'linux' || process.arch !== 'x64' || !(await hasDebs())) this.skip();
  });

  for (const [what, command] of [
    ['a layer', 'cat /in/f >/made'],
    ['nothing', 'cat /in/f'],
  ] as const)
    it(`that makes ${what} gets what it sees, and is not remembered`, async () => {
      const { folder, helper } = await helperFolder();
      const entries = await busyboxRoot(await debTree('busybox-static', 'amd64'));
      const layers = [await buffer(Readable.from(layerTar(entries)))];
      const execute = sandboxRun(createSandbox(sandboxOptions(helper, join(folder, 'sandbox'))));
      let executed = 0;
      let change = (): void => undefined;
      const trial = await embeddedTrial(
        { base: makeImage({ platform: 'linux/amd64', layers }) },
        {
          run: async (...given) => {
            executed += 1;
            change();
            return await execute(...given);
          },
        },
      );
      try {
        const dockerfile = `FROM base\nRUN --mount=type=bind,target=/in ${command}`;
        change = () => writeFileSync(join(trial.directory, 'context-0/f'), 'new');
        const first = await trial.build(dockerfile, { files: { f: 'old' } });
        change = () => undefined;
        const second = await trial.build(dockerfile, { files: { f: 'old' } });
        expect(executed).to.equal(2);
        await trial.build(dockerfile, { files: { f: 'old' } });
        expect(executed).to.equal(2);
        if (what === 'a layer') {
          expect(first.layers.at(-1)).to.deep.include({ made: 'file 644 0:0 new' });
          expect(second.layers.at(-1)).to.deep.include({ made: 'file 644 0:0 old' });
        }
      } finally {
        await trial.remove();
        await removeFolder(folder);
      }
    });
});
