import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Platform } from '@mabuild/oci';
import { expect } from 'chai';
import { binfmtDirectory } from '../../../../../../packages/core/src/emulation/binfmt.ts';
import { findQemu } from '../../../../../../packages/core/src/emulation/qemu.ts';
import {
  prepareSandbox,
  probe,
} from '../../../../../../packages/core/src/engines/embedded/sandbox/choice/choose.ts';
import { layerTar } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../../../../support/debs.ts';
import { rejection } from '../../../../../support/rejection.ts';
import { busyboxRoot, helperFolder, removeFolder, sandboxOptions } from '../../../../../support/sandbox.ts';
import { sandboxUsers, userDriver } from '../../../../../support/sandbox-users.ts';

const foreign: readonly (readonly [string, Platform, string])[] = [
  ['arm64', { os: 'linux', architecture: 'arm64' }, 'aarch64\n'],
  ['armhf', { os: 'linux', architecture: 'arm', variant: 'v7' }, 'armv7l\n'],
  ['armel', { os: 'linux', architecture: 'arm', variant: 'v6' }, 'armv6l\n'],
];

describe('emulators in a sandbox', function () {
  this.timeout(120_000);
  let root = '';
  let helper = '';
  before(async function () {
    if (process.platform !== 'linux' || process.arch !== 'x64' || !(await hasDebs())) return this.skip();
    ({ folder: root, helper } = await helperFolder());
  });
  after(async () => {
    if (root !== '') await removeFolder(root);
  });

  for (const user of sandboxUsers()) {
    it(`uname -m says what the platform is, ${user}`, async function () {
      const options = sandboxOptions(helper, join(root, 'found'));
      const found = await Promise.all(
        foreign.map(([, platform]) =>
          findQemu({ platform, host: options.platform, directories: options.emulators }).catch(
            () => undefined,
          ),
        ),
      );
      if (found.includes(undefined)) return this.skip();
      const commands = await Promise.all(
        foreign.map(async ([debian, platform]) => {
          const layer = join(root, `${debian}.tar`);
          const entries = await busyboxRoot(await debTree('busybox-static', debian));
          writeFileSync(layer, await buffer(Readable.from(layerTar(entries))), { mode: 0o644 });
          return { layers: [layer], platform, command: 'uname -m' };
        }),
      );
      const driver = await userDriver(root, helper);
      const answer = await driver.run(user, {
        commands,
        emulations: foreign.map(([, platform]) => platform),
      });
      expect(answer.results.map((result) => result.stdout || JSON.stringify(result))).to.deep.equal(
        foreign.map(([, , expected]) => expected),
      );
      const how = user === 'nobody, without namespaces' ? 'started-through' : 'binfmt';
      expect(answer.emulations.map(({ kind }) => kind)).to.deep.equal([how, how, how]);
    });
  }

  it('are registered in a table of its own, which nobody else sees', async function () {
    const options = sandboxOptions(helper, join(root, 'private'));
    const sandbox = await prepareSandbox(options, 'user-namespace', 'overlay');
    const arm64: Platform = { os: 'linux', architecture: 'arm64' };
    const arm: Platform = { os: 'linux', architecture: 'arm', variant: 'v7' };
    const file = await findQemu({
      platform: arm64,
      host: options.platform,
      directories: options.emulators,
    }).catch(() => undefined);
    if (file === undefined) return this.skip();
    const before = readdirSync(binfmtDirectory);
    await probe(sandbox, arm64, [{ architecture: 'arm64', file }], {});
    // Its own table takes the place of the machine's.
    const error = await rejection(probe(sandbox, arm, [{ architecture: 'arm64', file }], {}));
    expect(error.message).to.match(/could not start \/program \(ENOEXEC\)/);
    expect(readdirSync(binfmtDirectory)).to.deep.equal(before);
  });
});
