import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findProot } from '../../../packages/core/src/engines/embedded/sandbox/choice/proot-program.ts';
import {
  type FetchableProgram,
  fetchPrograms,
  programsIn,
} from '../../../packages/core/src/programs/fetch-programs.ts';
import { debOf } from '../../support/deb.ts';
import { hasDebs } from '../../support/debs.ts';
import { rejection } from '../../support/rejection.ts';

describe('fetching programs', () => {
  let folder: string;
  let directory: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mabuild-programs-'));
    directory = join(folder, 'programs');
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** An apt-get that has these packages and no others. */
  async function aptWith(packages: Readonly<Record<string, Buffer>>): Promise<Record<string, string>> {
    const [bin, pool] = [join(folder, 'bin'), join(folder, 'pool')];
    for (const path of [bin, pool]) await mkdir(path, { recursive: true });
    for (const [name, bytes] of Object.entries(packages)) await writeFile(join(pool, `${name}.deb`), bytes);
    const script = `#!/bin/sh
while [ "$1" != update ] && [ "$1" != download ]; do shift; done
[ "$1" = download ] || exit 0
shift
for name; do [ -f "${pool}/$name.deb" ] || { echo "E: Unable to locate package $name" >&2; exit 100; }; cp "${pool}/$name.deb" .; done
`;
    await writeFile(join(bin, 'apt-get'), script);
    await chmod(join(bin, 'apt-get'), 0o755);
    return { PATH: `${bin}:/usr/bin:/bin` };
  }

  const fetch = async (
    packages: Readonly<Record<string, Buffer>>,
    programs: readonly FetchableProgram[] = ['qemu'],
  ): Promise<readonly string[]> => {
    await fetchPrograms({ programs, directory, variables: await aptWith(packages) });
    return (await readdir(directory, { recursive: true })).sort();
  };

  it('takes known emulators, and nothing else of the package', async () => {
    const found = await fetch({
      'qemu-user-static': await debOf({
        './usr/bin/qemu-arm-static': 'arm',
        './usr/bin/qemu-aarch64-static': 'arm64',
        './usr/bin/qemu-cris-static': 'who has one',
        './etc/shadow': 'root',
        './usr/bin/qemu-x86_64-static': '->/bin/sh',
      }),
    });
    expect(found).to.deep.equal([
      'qemu',
      'qemu/usr',
      'qemu/usr/bin',
      'qemu/usr/bin/qemu-aarch64-static',
      'qemu/usr/bin/qemu-arm-static',
    ]);
    const file = join(programsIn(directory).emulators, 'qemu-arm-static');
    expect(readFileSync(file, 'utf8')).to.equal('arm');
    expect((lstatSync(file).mode & 0o7777).toString(8)).to.equal('755');
  });

  it('can be done by many at once', async () => {
    const variables = await aptWith({
      'qemu-user-static': await debOf({ './usr/bin/qemu-arm-static': 'arm' }),
      proot: await debOf({ './usr/bin/proot': 'proot' }),
      libtalloc2: await debOf({}),
    });
    for (let round = 0; round < 5; round += 1)
      await Promise.all(
        Array.from({ length: 8 }, () => fetchPrograms({ programs: ['qemu', 'proot'], directory, variables })),
      );
    expect((await readdir(directory)).sort()).to.deep.equal(['proot', 'qemu']);
    expect(readFileSync(programsIn(directory).proot, 'utf8')).to.equal('proot');
  });

  it('writes nothing through a link of a package', async () => {
    const proot = await debOf({
      './usr/lib/up': '->..',
      './usr/lib/up/up': '->..',
      './usr/lib/up/up/escaped': 'x',
      './usr/bin/proot': 'proot',
    });
    await fetch({ proot, libtalloc2: await debOf({}) }, ['proot']).catch(() => undefined);
    const found = await readdir(folder, { recursive: true });
    expect(found.filter((name) => name.endsWith('/escaped'))).to.deep.equal([
      'programs/proot/usr/lib/up/up/escaped',
    ]);
  });

  it('takes the second package where the first is empty, as since Debian 13, or is not there', async () => {
    const second = { 'qemu-user': await debOf({ './usr/bin/qemu-arm': 'arm' }) };
    const first = { 'qemu-user-static': await debOf({ './usr/share/doc/nothing': '' }) };
    const wanted = ['qemu', 'qemu/usr', 'qemu/usr/bin', 'qemu/usr/bin/qemu-arm'];
    expect(await fetch({ ...first, ...second })).to.deep.equal(wanted);
    await rm(join(folder, 'pool'), { recursive: true });
    expect(await fetch(second)).to.deep.equal(wanted);
  });

  it('keeps links beside their target with proot', async () => {
    const library = './usr/lib/some/libtalloc.so.2';
    const found = await fetch(
      {
        proot: await debOf({ './usr/bin/proot': 'proot' }),
        libtalloc2: await debOf({ [`${library}.4`]: 'talloc', [library]: '->libtalloc.so.2.4' }),
      },
      ['proot'],
    );
    expect(found).to.include.members(['proot/usr/bin/proot', 'proot/usr/lib/some/libtalloc.so.2']);
    const link = join(programsIn(directory).prootLibraries, 'some/libtalloc.so.2');
    expect(readFileSync(link, 'utf8')).to.equal('talloc');
  });

  it('leaves what was there when it fails, and nothing else', async () => {
    await fetch({ 'qemu-user-static': await debOf({ './usr/bin/qemu-arm-static': 'old' }) });
    const before = await readdir(directory, { recursive: true });
    const damaged = (await debOf({ './usr/bin/qemu-arm-static': 'new' })).subarray(0, -9);
    expect(await rejection(fetch({ 'qemu-user-static': damaged }))).to.have.property(
      'code',
      'INVALID_COMPRESSION',
    );
    const climbing = await debOf({ '../usr/bin/qemu-arm-static': 'new' });
    expect(await rejection(fetch({ 'qemu-user-static': climbing }))).to.have.property('code', 'UNSAFE_PATH');
    expect(await readdir(directory, { recursive: true })).to.deep.equal(before);
    const file = join(programsIn(directory).emulators, 'qemu-arm-static');
    expect(readFileSync(file, 'utf8')).to.equal('old');
  });

  it('deletes what killed ones left, and nothing that is being fetched', async () => {
    for (const [name, age] of [
      ['.fetch-old', 7200],
      ['.fetch-new', 60],
    ] as const) {
      await mkdir(join(directory, name), { recursive: true });
      const time = Date.now() / 1000 - age;
      await utimes(join(directory, name), time, time);
    }
    await fetch({ 'qemu-user-static': await debOf({ './usr/bin/qemu-arm-static': 'arm' }) });
    expect((await readdir(directory)).sort()).to.deep.equal(['.fetch-new', 'qemu']);
  });

  it('says what apt says', async () => {
    const error = await rejection(fetch({}));
    expect(error).to.include({ code: 'APT_FAILED' });
    expect(error.message).to.contain('Unable to locate package qemu-user-static');
    const empty = await debOf({ './usr/share/doc/nothing': '' });
    const nothing = await rejection(fetch({ 'qemu-user-static': empty, 'qemu-user': empty }));
    expect(nothing).to.include({ code: 'APT_FAILED' });
  });

  it('says what to do without apt', async () => {
    const variables = { PATH: join(folder, 'none') };
    const error = await rejection(fetchPrograms({ programs: ['qemu'], directory, variables }));
    expect(error).to.include({ code: 'APT_NOT_FOUND' });
    expect(await readdir(directory)).to.deep.equal([]);
  });

  it('stops when it is told to', async () => {
    const variables = await aptWith({});
    const signal = AbortSignal.abort(new Error('enough'));
    const error = await rejection(fetchPrograms({ programs: ['qemu'], directory, variables }, { signal }));
    expect(error.message).to.equal('enough');
    expect(await readdir(directory)).to.deep.equal([]);
  });

  it('gets a proot that starts, from this machine’s own sources', async function () {
    this.timeout(120_000);
    if (process.platform !== 'linux' || !(await hasDebs())) return this.skip();
    const { proot, prootLibraries } = await fetchPrograms({
      programs: ['proot'],
      directory,
      variables: process.env,
    });
    const [command = '', ...args] = await findProot([{ file: proot, libraries: prootLibraries }]);
    expect(execFileSync(command, [...args, '--version'], { encoding: 'utf8', env: {} })).to.match(
      /\d+\.\d+\.\d+/,
    );
    expect(await readdir(directory)).to.deep.equal(['proot']);
  });
});
