import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type ChosenSandbox,
  chooseSandbox,
} from '../../../../../../packages/core/src/engines/embedded/sandbox/choice/choose.ts';
import {
  keepEarly,
  takeEarly,
} from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/early-helpers.ts';
import { runJob } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/helper-process.ts';
import {
  type HelperSite,
  startEarly,
  startHelper,
} from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/start-helper.ts';
import { createSandbox } from '../../../../../../packages/core/src/engines/embedded/sandbox/sandbox.ts';
import { rejection } from '../../../../../support/rejection.ts';
import { helperFolder, removeFolder, sandboxOptions } from '../../../../../support/sandbox.ts';

const ids = { kind: 'root', users: [], groups: [] } as const;
const signal = undefined;

describe('helpers that are started early', function () {
  this.timeout(60_000);

  describe('and kept', () => {
    const site = (): HelperSite => ({
      ...{ command: ['a command'], architecture: 'amd64', kind: 'namespaces', ids, directory: '/nowhere' },
    });
    const children: ChildProcess[] = [];
    const cat = async (): Promise<ChildProcess> => {
      const child = spawn('cat', { stdio: ['pipe', 'pipe', 'pipe'] });
      children.push(child);
      await once(child, 'spawn');
      return child;
    };
    afterEach(() => {
      for (const child of children.splice(0)) child.kill('SIGKILL');
    });

    it('are taken once, by who wants the same', async () => {
      const own = site();
      keepEarly(own, cat());
      expect(await takeEarly({ ...own, directory: '/elsewhere' }, signal)).to.equal(undefined);
      expect(await takeEarly(site(), signal)).to.equal(undefined);
      expect(await takeEarly({ ...own }, signal)).to.equal(children[0]);
      expect(await takeEarly(own, signal)).to.equal(undefined);
    });

    it('are waited for while they start', async () => {
      const own = site();
      let go = (_: ChildProcess): void => undefined;
      keepEarly(own, new Promise((resolve) => (go = resolve)));
      const taking = takeEarly(own, signal);
      const child = await cat();
      go(child);
      expect(await taking).to.equal(child);
    });

    it('are not taken when they have ended or did not start', async () => {
      const own = site();
      const child = await cat();
      keepEarly(own, Promise.resolve(child));
      keepEarly(own, Promise.reject(new Error('refused')));
      child.kill();
      await once(child, 'close');
      expect(await takeEarly(own, signal)).to.equal(undefined);
      expect(await takeEarly(own, signal)).to.equal(undefined);
    });

    it('end when who takes them is told to stop', async () => {
      const own = site();
      const child = await cat();
      keepEarly(own, Promise.resolve(child));
      expect(await takeEarly(own, AbortSignal.abort())).to.equal(undefined);
      await once(child, 'close');
      expect(child.exitCode).to.equal(0);
    });
  });

  describe('in a sandbox', () => {
    let root = '';
    let helper = '';
    let sandbox: ChosenSandbox;
    before(async function () {
      if (process.platform !== 'linux') this.skip();
      const made = await helperFolder();
      root = made.folder;
      helper = made.helper;
      const { chosen } = await chooseSandbox(sandboxOptions(helper, join(root, 'cache')));
      if (chosen === undefined) this.skip();
      sandbox = chosen;
    });
    after(() => removeFolder(root));

    it('do the first job', async () => {
      const { job, site } = sandbox;
      // One that has done a job waits for another.
      const own = { ...site, command: [...site.command] };
      startEarly(own);
      const messages = await runJob(own, { ...job, layers: [] }, {});
      expect(messages).to.deep.equal([{ kind: 'done', streams: 0 }]);
      expect(await takeEarly(own, signal)).to.equal(undefined);
    });

    it('are not given to who has stopped', async () => {
      const own = { ...sandbox.site, command: [...sandbox.site.command] };
      startEarly(own);
      expect(String(await rejection(startHelper(own, AbortSignal.abort(new Error('enough')))))).to.equal(
        'Error: enough',
      );
      expect(await takeEarly(own, signal)).to.equal(undefined);
    });

    it('do not make a platform that does not run fail before its command', async () => {
      const own = createSandbox(sandboxOptions(helper, join(root, 'cache')));
      await own.prepare({ os: 'windows', architecture: 'amd64' }, []);
      await own.prepare({ os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : 'arm64' }, []);
    });
  });
});
