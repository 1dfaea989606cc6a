import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findProot } from '../../../../../../packages/core/src/engines/embedded/sandbox/choice/proot-program.ts';
import { outsideSteps } from '../../../../../../packages/core/src/engines/embedded/sandbox/container/proot-steps.ts';
import { rejection } from '../../../../../support/rejection.ts';

/** The head of a 64-bit ELF program that is started with an interpreter, or a static one. */
function program(interpreter?: string): Buffer {
  const head = Buffer.alloc(512);
  head.writeUInt32BE(0x7f454c46, 0);
  head.writeUInt8(2, 4);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(2, 56);
  // PT_PHDR, then PT_INTERP.
  head.writeUInt32LE(6, 64);
  if (interpreter === undefined) return head;
  head.writeUInt32LE(3, 120);
  head.writeBigUInt64LE(256n, 128);
  head.writeBigUInt64LE(BigInt(interpreter.length + 1), 152);
  head.write(`${interpreter}\0`, 256);
  return head;
}

describe('proot', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mabuild-find-proot-'));
    const files: Readonly<Record<string, Buffer | string>> = {
      dynamic: program('/lib64/ld-linux-x86-64.so.2'),
      static: program(),
      script: '#!/bin/sh\n',
      cut: program('/lib/ld.so').subarray(0, 40),
    };
    for (const [name, content] of Object.entries(files))
      await writeFile(join(folder, name), content, { mode: 0o755 });
    await writeFile(join(folder, 'data'), program());
    await chmod(join(folder, 'data'), 0o644);
    await mkdir(join(folder, 'lib/x86_64-linux-gnu'), { recursive: true });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const rows: readonly (readonly [what: string, names: readonly string[], found: readonly string[]])[] = [
    ['the first that is there', ['absent', 'script', 'static'], ['script']],
    ['no file that is no program, and no folder', ['data', 'lib', 'static'], ['static']],
    [
      'fetched libraries through the interpreter of the program',
      ['dynamic+lib'],
      ['/lib64/ld-linux-x86-64.so.2', '--library-path', 'lib/x86_64-linux-gnu', 'dynamic'],
    ],
    ['a static one alone', ['static+lib'], ['static']],
    ['a damaged one alone', ['cut+lib'], ['cut']],
  ];
  for (const [what, names, found] of rows) {
    it(`is started: ${what}`, async () => {
      const places = names.map((name) => {
        const [file = '', libraries] = name.split('+');
        return {
          file: join(folder, file),
          libraries: libraries === undefined ? undefined : join(folder, libraries),
        };
      });
      const command = await findProot(places);
      expect(command.map((word) => word.replace(`${folder}/`, ''))).to.deep.equal(found);
    });
  }

  it('is asked for where there is none', async () => {
    const error = await rejection(findProot([{ file: join(folder, 'absent') }]));
    expect(error).to.include({ code: 'SANDBOX_UNAVAILABLE', message: 'there is no proot' });
    expect((error as { hint?: string }).hint).to.include('`mabuild emulator fetch proot`');
  });

  const users: readonly (readonly [uid: number, gid: number, emulator: string | undefined, words: string])[] =
    [
      [0, 0, undefined, 'proot -r root -w / -0 -b ../x:/x! /dev/.inside'],
      [1000, 1001, undefined, 'proot -r root -w / -i 1000:1001 -b ../x:/x! /dev/.inside'],
      [0, 5, '/q/qemu-arm', 'proot -r root -w / -i 0:5 -q /q/qemu-arm -b ../x:/x! /dev/.inside'],
    ];
  for (const [uid, gid, emulator, words] of users) {
    it(`is called as ${words}`, () => {
      const steps = outsideSteps({
        ...{ command: ['proot'], architecture: 'amd64', directory: '/work', root: 'root' },
        ...{ temporary: '/tmp', emulator, binds: [{ from: '../x', to: '/x' }], inside: '/dev/.inside' },
        user: { uid, gid, groups: [] },
      });
      const last = steps.at(-1);
      const given = last?.kind === 'call' ? last.arguments : [];
      expect(given[1]).to.deep.equal({ texts: words.split(' ') });
      // Its own filter would let calls through.
      expect((given[2] as { texts: readonly string[] }).texts).to.include('PROOT_NO_SECCOMP=1');
    });
  }
});
