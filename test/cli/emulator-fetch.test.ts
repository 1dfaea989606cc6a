import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runProgram } from '../../packages/cli/src/program.ts';
import { debOf } from '../support/deb.ts';
import { fakeIo } from '../support/io.ts';

describe('mabuild emulator fetch', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'mabuild-fetch-'));
  });
  afterEach(() => rm(home, { recursive: true }));

  const fetch = async (...args: readonly string[]) => {
    const environment = { HOME: home, PATH: `${join(home, 'bin')}:/usr/bin:/bin` };
    const world = fakeIo({ environment, workingDirectory: home });
    const status = await runProgram(world.io, ['emulator', 'fetch', ...args]);
    return { status, out: world.stdout(), err: world.stderr() };
  };

  /** An apt-get whose every package is this one. */
  async function apt(script: string, deb: Buffer = Buffer.alloc(0)): Promise<void> {
    await mkdir(join(home, 'bin'));
    await writeFile(join(home, 'some.deb'), deb);
    await writeFile(join(home, 'bin/apt-get'), `#!/bin/sh\n${script}\n`);
    await chmod(join(home, 'bin/apt-get'), 0o755);
  }

  it('prints what it fetched, into the cache', async () => {
    // An x64 ELF head without program headers: nothing that would need a loader.
    const elf = Buffer.alloc(64);
    Buffer.from('7f454c46020101', 'hex').copy(elf);
    elf.writeUInt16LE(2, 16);
    elf.writeUInt16LE(62, 18);
    const deb = await debOf({ './usr/bin/qemu-arm-static': elf.toString('latin1') });
    await apt(`case "$*" in *download*) cp ${join(home, 'some.deb')} . ;; esac`, deb);
    const { status, out, err } = await fetch('qemu', '--format', 'json');
    expect(status, err).to.equal(0);
    const file = join(home, '.cache/mabuild/programs/qemu/usr/bin/qemu-arm-static');
    expect(JSON.parse(out)).to.deep.equal({ version: 1, qemu: [{ platform: 'linux/arm/v7', file }] });
    expect(err).to.contain('nothing is installed');
    expect((await fetch('qemu')).out).to.equal(`FOR           FILE\nlinux/arm/v7  ${file}\n`);
  });

  it('passes on what apt says, and ends with 3', async () => {
    await apt('echo "E: Unable to locate package" >&2; exit 100');
    const { status, out, err } = await fetch();
    expect([status, out]).to.deep.equal([3, '']);
    expect(err).to.match(/Unable to locate package[\s\S]*APT_FAILED[\s\S]*hint: .*sources/);
  });

  it('refuses other programs', async () => {
    const { status, err } = await fetch('docker');
    expect(status).to.equal(2);
    expect(err).to.contain('none of qemu, proot');
  });
});
