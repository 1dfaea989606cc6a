import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ElfFacts, elfMachineName, parseElf } from '@mabuild/oci';
import { expect } from 'chai';
import { debTree, hasDebs } from '../../support/debs.ts';
import { armFlags, machines, makeElf } from '../../support/elf.ts';

const program = makeElf({
  machine: machines.arm,
  flags: armFlags.hard,
  interpreter: '/lib/ld-linux-armhf.so.3',
  needed: ['libc.so.6', 'libm.so.6', 'libc.so.6'],
  runPath: '$ORIGIN/../lib:/opt/lib',
  attributes: { cpuArch: 10, vfpArguments: 1 },
});

describe('elf', () => {
  it('reads everything that a 32-bit ARM program says', () => {
    expect(parseElf(program)).to.deep.equal({
      machine: machines.arm,
      bits: 32,
      endianness: 'little',
      osAbi: 0,
      type: 'dynamic',
      floatAbi: 'hard',
      cpuArch: 10,
      interpreter: '/lib/ld-linux-armhf.so.3',
      needed: ['libc.so.6', 'libm.so.6'],
      runPath: ['$ORIGIN/../lib', '/opt/lib'],
    });
  });

  const rows: readonly (readonly [string, Buffer, Partial<ElfFacts>])[] = [
    [
      '64-bit',
      makeElf({ machine: machines.arm64, needed: ['libc.so.6'] }),
      { bits: 64, needed: ['libc.so.6'] },
    ],
    [
      'big-endian',
      makeElf({ machine: machines.s390x, endianness: 'big', interpreter: '/lib/ld64.so.1' }),
      { endianness: 'big', machine: machines.s390x, interpreter: '/lib/ld64.so.1' },
    ],
    [
      'big-endian attributes',
      makeElf({ machine: machines.arm, endianness: 'big', attributes: { cpuArch: 6 } }),
      { endianness: 'big', cpuArch: 6 },
    ],
    ['soft float', makeElf({ machine: machines.arm, flags: armFlags.soft }), { floatAbi: 'soft' }],
    [
      'hard float by attribute',
      makeElf({ machine: machines.arm, flags: armFlags.eabi5, attributes: { vfpArguments: 1 } }),
      { floatAbi: 'hard' },
    ],
    ['x86 with flags', makeElf({ machine: machines.x86, flags: armFlags.hard }), { machine: machines.x86 }],
    ['FreeBSD', makeElf({ machine: machines.x64, osAbi: 9 }), { osAbi: 9, type: 'executable' }],
    ['an object file', makeElf({ machine: machines.bpf, type: 1 }), { type: 'relocatable' }],
  ];
  for (const [title, file, expected] of rows) {
    it(`reads ${title}`, () => {
      expect(parseElf(file)).to.include.keys(Object.keys(expected));
      expect(parseElf(file)).to.deep.include(expected);
    });
  }

  it('does not guess the float ABI of files that do not state one', () => {
    expect(parseElf(makeElf({ machine: machines.arm, flags: armFlags.go }))).to.not.have.property('floatAbi');
    expect(parseElf(makeElf({ machine: machines.arm, flags: 0x400 }))).to.not.have.property('floatAbi');
    expect(parseElf(makeElf({ machine: machines.arm64, flags: armFlags.hard }))).to.not.have.property(
      'floatAbi',
    );
  });

  it('names machines', () => {
    expect(elfMachineName(62)).to.equal('x86-64');
    expect(elfMachineName(4711)).to.equal('machine 4711');
  });

  describe('bad input', () => {
    const noElf: readonly (readonly [string, Buffer])[] = [
      ['nothing', Buffer.alloc(0)],
      ['only the magic number', program.subarray(0, 4)],
      ['a script', Buffer.from('#!/bin/sh\n')],
      ['zeros', Buffer.alloc(4096)],
      ['class 7', patched(program, 4, [7])],
      ['byte order 0', patched(program, 5, [0])],
    ];
    for (const [title, file] of noElf) {
      it(`${title} is no ELF file`, () => {
        expect(parseElf(file)).to.equal(undefined);
      });
    }

    it('says less, and nothing wrong, of a file cut off anywhere', () => {
      const whole = parseElf(program)!;
      for (let length = 0; length <= program.length; length++) {
        const facts = parseElf(program.subarray(0, length));
        for (const [name, value] of Object.entries(facts ?? {})) {
          expect(value, `${name} of ${length} bytes`).to.deep.equal(whole[name as keyof ElfFacts]);
        }
      }
    });

    it('survives any byte of the file being something else', () => {
      for (const file of [program, makeElf({ machine: machines.arm64, needed: ['a', 'b'], runPath: '/x' })]) {
        for (let at = 4; at < file.length; at++) {
          for (const value of [0x00, 0x7f, 0xff]) {
            parseElf(patched(file, at, [value]));
            parseElf(patched(file, at, [value, value, value, value]));
          }
        }
      }
    });

    it('leaves out tables that lie outside of the file or overlap themselves', () => {
      const far = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
      const file = makeElf({ machine: machines.arm64, interpreter: '/lib/x', needed: ['a'] });
      expect(parseElf(patched(file, 32, far))).to.not.have.any.keys('interpreter', 'needed');
      expect(parseElf(patched(file, 54, [0, 0]))).to.not.have.any.keys('interpreter', 'needed');
      expect(parseElf(patched(file, 56, [0xff, 0xff]))).to.deep.include({ needed: ['a'] });
    });
  });

  describe('Debian files', () => {
    const files: readonly (readonly [string, string, string, Partial<ElfFacts>])[] = [
      ['busybox-static', 'amd64', 'bin/busybox', { machine: 62, bits: 64 }],
      ['busybox-static', 'arm64', 'bin/busybox', { machine: 183, bits: 64 }],
      ['busybox-static', 'armhf', 'bin/busybox', { machine: 40, bits: 32, floatAbi: 'hard', cpuArch: 10 }],
      ['busybox-static', 'armel', 'bin/busybox', { machine: 40, bits: 32, floatAbi: 'soft', cpuArch: 4 }],
      [
        'coreutils',
        'armhf',
        'bin/ls',
        {
          type: 'dynamic',
          interpreter: '/lib/ld-linux-armhf.so.3',
          needed: ['libselinux.so.1', 'libc.so.6', 'ld-linux-armhf.so.3'],
        },
      ],
      ['coreutils', 'arm64', 'bin/ls', { interpreter: '/lib/ld-linux-aarch64.so.1' }],
    ];
    before(async function () {
      if (!(await hasDebs())) {
        console.log('      skipped: no apt-get here to fetch Debian packages with');
        this.skip();
      }
    });
    for (const [name, architecture, path, expected] of files) {
      it(`${path} of ${name}:${architecture}`, async function () {
        this.timeout(120_000);
        const facts = parseElf(await readFile(join(await debTree(name, architecture), path)));
        expect(facts).to.deep.include(expected);
      });
    }
  });
});

function patched(file: Buffer, at: number, bytes: readonly number[]): Buffer {
  const copy = Buffer.from(file);
  copy.set(bytes.slice(0, Math.max(0, file.length - at)), at);
  return copy;
}
