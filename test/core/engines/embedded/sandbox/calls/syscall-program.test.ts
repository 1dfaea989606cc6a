import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type Step,
  syscallProgram,
} from '../../../../../../packages/core/src/engines/embedded/sandbox/calls/syscall-program.ts';

const hosts: readonly { readonly architecture: string; readonly runner: readonly string[] }[] = [
  { architecture: 'amd64', runner: process.arch === 'x64' ? [] : ['qemu-x86_64-static'] },
  { architecture: 'arm64', runner: process.arch === 'arm64' ? [] : ['qemu-aarch64-static'] },
];

for (const { architecture, runner } of hosts) {
  describe(`programs of system calls for ${architecture}`, () => {
    let folder = '';
    before(function () {
      const [tool] = runner;
      if (tool !== undefined && spawnSync(tool, ['--version']).error !== undefined) this.skip();
      folder = mkdtempSync(join(tmpdir(), 'mabuild-program-'));
    });
    after(() => {
      if (folder !== '') rmSync(folder, { recursive: true, force: true });
    });

    function run(steps: readonly Step[]): {
      status: number | null;
      stdout: string;
      report: readonly number[];
    } {
      const file = join(folder, 'program');
      rmSync(file, { force: true });
      writeFileSync(file, syscallProgram(architecture, steps), { mode: 0o755 });
      const [command = '', ...rest] = [...runner, file];
      const { status, output } = spawnSync(command, rest, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
      const report = output[3] as unknown as Buffer;
      return {
        status,
        stdout: String(output[1]),
        report: [0, 8].filter((at) => at + 8 <= report.length).map((at) => Number(report.readBigInt64LE(at))),
      };
    }

    const write = (text: string): Step => ({
      kind: 'call',
      name: 'write',
      arguments: [1, text, text.length],
      purpose: 'write',
    });

    it('does its steps in order and exits with 0', () => {
      expect(run([write('one '), write('two')])).to.deep.equal({ status: 0, stdout: 'one two', report: [] });
    });

    it('tells which step failed, and why', () => {
      const wrong: Step = {
        kind: 'call',
        name: 'chdir',
        arguments: ['/nowhere/at/all'],
        purpose: 'go there',
      };
      expect(run([write('a'), wrong, write('b')])).to.deep.equal({
        status: 125,
        stdout: 'a',
        report: [1, -2],
      });
    });

    it('goes on after a step that may fail', () => {
      const wrong: Step = { kind: 'call', name: 'chdir', arguments: ['/nowhere'], purpose: undefined };
      expect(run([wrong, write('b')])).to.deep.equal({ status: 0, stdout: 'b', report: [] });
    });

    it('hands on what a call answered', () => {
      const steps: readonly Step[] = [
        { kind: 'call', name: 'openat', arguments: [-100, '/dev', 0x200000, 0], purpose: 'open' },
        { kind: 'call', name: 'dup3', arguments: [{ result: true }, 77, 0], purpose: 'number it' },
        { kind: 'call', name: 'dup3', arguments: [77, 78, 0], purpose: 'number it again' },
        write('ok'),
      ];
      expect(run(steps)).to.deep.equal({ status: 0, stdout: 'ok', report: [] });
    });

    it('stores an answer in memory', () => {
      const at = 0x2000_0000;
      const steps: readonly Step[] = [
        // Readable and writable; fixed, private, anonymous.
        { kind: 'call', name: 'mmap', arguments: [at, 4096, 3, 0x32, -1, 0], purpose: 'get memory' },
        { kind: 'call', name: 'write', arguments: [1, 'abc', 3], purpose: 'write' },
        { kind: 'store', address: at },
        { kind: 'call', name: 'write', arguments: [1, at, 8], purpose: 'write' },
      ];
      expect(run(steps).stdout).to.equal('abc\x03\0\0\0\0\0\0\0');
    });

    const ends: readonly (readonly [string, readonly string[], number])[] = [
      ['the exit code of its child', ['/bin/sh', '-c', 'exit 7'], 7],
      ['128 and the signal that ended its child', ['/bin/sh', '-c', 'kill -9 $$'], 137],
      ['0', ['/bin/sh', '-c', 'sleep 0.05 & exit 0'], 0],
    ];
    for (const [what, command, expected] of ends) {
      it(`leaves with ${what}`, () => {
        const steps: readonly Step[] = [
          { kind: 'fork' },
          {
            kind: 'call',
            name: 'execve',
            arguments: [command[0] ?? '', { texts: command }, { texts: ['A=b'] }],
            purpose: 'start',
          },
        ];
        expect(run(steps).status).to.equal(expected);
        const [, ...rest] = steps;
        const told = run([{ kind: 'fork', tells: true }, ...rest]);
        expect(told).to.deep.include({ status: expected, report: [expected] });
      });
    }

    it('hands the kernel values and addresses of bytes in one block', () => {
      // struct iovec
      const steps: readonly Step[] = [
        {
          ...{ kind: 'call', name: 'writev', purpose: 'write' },
          arguments: [1, { quads: [Buffer.from('one '), 4, Buffer.from('two'), 3] }, 2],
        },
      ];
      expect(run(steps)).to.deep.equal({ status: 0, stdout: 'one two', report: [] });
    });
  });
}

describe('programs of system calls', () => {
  it('are not made for other processors', () => {
    expect(() => syscallProgram('riscv64', [])).to.throw('only amd64 and arm64');
  });
});
