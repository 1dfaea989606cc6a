import { expect } from 'chai';
import {
  hideNewerCalls,
  newerCallsFilter,
} from '../../../../../../packages/core/src/engines/embedded/sandbox/calls/newer-calls.ts';
import { filterAnswer } from '../../../../../support/call-filter.ts';

const amd64 = 0xc000003e;
const arm64 = 0xc00000b7;
const arm = 0x40000028;
const i386 = 0x40000003;

/** Host, audit number of the program, call and its name, whether it is hidden. */
const rows: readonly (readonly [host: string, audit: number, call: number, name: string, hidden: boolean])[] =
  [
    ['amd64', amd64, 0, 'read', false],
    ['amd64', amd64, 257, 'openat', false],
    ['amd64', amd64, 316, 'renameat2', true],
    ['amd64', amd64, 332, 'statx', true],
    ['amd64', amd64, 334, 'rseq', false],
    ['amd64', amd64, 425, 'io_uring_setup', true],
    ['amd64', amd64, 434, 'pidfd_open', false],
    ['amd64', amd64, 435, 'clone3', false],
    ['amd64', amd64, 436, 'close_range', false],
    ['amd64', amd64, 437, 'openat2', true],
    ['amd64', amd64, 439, 'faccessat2', true],
    ['amd64', amd64, 449, 'futex_waitv', false],
    ['amd64', amd64, 452, 'fchmodat2', true],
    ['amd64', amd64, 456, 'futex_requeue', false],
    ['amd64', amd64, 457, 'statmount', true],
    ['amd64', amd64, 463, 'setxattrat', true],
    ['amd64', amd64, 0x40000000 + 257, 'openat of x32', true],
    ['amd64', i386, 383, 'statx', true],
    ['amd64', i386, 332, 'inotify_init1', false],
    ['amd64', i386, 403, 'clock_gettime64', false],
    ['amd64', i386, 412, 'utimensat_time64', true],
    ['arm64', arm64, 291, 'statx', true],
    ['arm64', arm64, 276, 'renameat2', true],
    ['arm64', arm64, 56, 'openat', false],
    ['arm64', arm64, 437, 'openat2', true],
    ['arm64', arm, 397, 'statx', true],
    ['arm64', arm, 322, 'openat', false],
    ['arm64', arm, 0x0f0005, 'set_tls', false],
    ['arm64', arm, 470, 'what comes', true],
  ];

describe('calls that proot may not know', () => {
  for (const [host, audit, call, name, hidden] of rows) {
    it(`${hidden ? 'hides' : 'lets through'} ${name} (${call}) on ${host}`, () => {
      expect(filterAnswer(newerCallsFilter(host), { call, audit })).to.equal(
        hidden ? 0x00050026 : 0x7fff0000,
      );
    });
  }

  it('leaves programs alone whose calls it has no table of', () => {
    expect(filterAnswer(newerCallsFilter('amd64'), { call: 332, audit: 0xc00000f3 })).to.equal(0x7fff0000);
  });

  it('gives up privileges first, without which the kernel takes no filter from an ordinary user', () => {
    expect(
      hideNewerCalls('amd64').map((step) => 'arguments' in step && step.arguments.slice(0, 2)),
    ).to.deep.equal([
      [38, 1],
      [22, 2],
    ]);
  });
});
