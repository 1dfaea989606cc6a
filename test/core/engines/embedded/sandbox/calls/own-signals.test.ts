import { expect } from 'chai';
import { killFilter } from '../../../../../../packages/core/src/engines/embedded/sandbox/calls/own-signals.ts';
import { filterAnswer } from '../../../../../support/call-filter.ts';

const amd64 = 0xc000003e;
const i386 = 0x40000003;
const arm64 = 0xc00000b7;
const arm = 0x40000028;
const everybody = 0xffffffff;

/** Host, audit number of the program, call, its first argument, whether it is refused. */
const rows: readonly (readonly [host: string, audit: number, call: number, pid: number, refused: boolean])[] =
  [
    ['amd64', amd64, 62, everybody, true],
    ['amd64', amd64, 62, 0, false],
    ['amd64', amd64, 62, 1, false],
    ['amd64', amd64, 62, 0xfffffffe, false],
    ['amd64', amd64, 0x4000003e, everybody, true],
    ['amd64', amd64, 61, everybody, false],
    ['amd64', amd64, 257, everybody, false],
    ['amd64', amd64, 37, everybody, false],
    ['amd64', i386, 37, everybody, true],
    ['amd64', i386, 62, everybody, false],
    ['arm64', arm64, 129, everybody, true],
    ['arm64', arm64, 129, 77, false],
    ['arm64', arm, 37, everybody, true],
    ['arm64', arm, 129, everybody, false],
    ['riscv64', 0xc00000f3, 129, everybody, false],
  ];

describe('signals for all processes', () => {
  for (const [host, audit, call, pid, refused] of rows) {
    it(`${refused ? 'refuses' : 'lets through'} call ${call} of ${audit.toString(16)} with ${pid} on ${host}`, () => {
      const answer = filterAnswer(killFilter(host), { call, audit, argument: pid });
      expect(answer).to.equal(refused ? 0x00050001 : 0x7fff0000);
    });
  }
});
