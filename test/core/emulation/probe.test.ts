import { isMabuildError, MabuildError, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { parseBinfmtEntries } from '../../../packages/core/src/emulation/binfmt.ts';
import { type ProbeHost, probeEmulation } from '../../../packages/core/src/emulation/probe.ts';

const entry = (interpreter: string): string =>
  `enabled\ninterpreter ${interpreter}\nflags: P\noffset 0\nmagic 7f454c4601010100000000000000000002002800\nmask ffffffffffffff00fffffffffffffffffeffffff\n`;
const ran = { exitCode: 42, stderr: '' };
const failed = (stderr: string, exitCode = 1) => ({ exitCode, stderr });
const refusedAtStart = new MabuildError('the engine refused: exec /program: exec format error', {
  code: 'ENGINE_REFUSED',
});

/** What a host answers is played here; real hosts answer in the tests of the engine. */
function host(
  platform: string,
  answer: { exitCode: number; stderr: string } | Error,
  binfmt: string | undefined,
): ProbeHost {
  return {
    platform: parsePlatform(platform),
    async runProgram() {
      if (answer instanceof Error) throw answer;
      return { ...answer, stdout: new Uint8Array() };
    },
    async binfmtEntries() {
      return binfmt === undefined ? undefined : parseBinfmtEntries(binfmt);
    },
  };
}

describe('emulation probe', () => {
  const rows: readonly [string, string, ProbeHost, object | string][] = [
    ['its own platform', 'linux/amd64', host('linux/amd64', ran, ''), { kind: 'native' }],
    [
      'registered',
      'linux/arm/v7',
      host('linux/amd64', ran, entry('/q')),
      { kind: 'binfmt', interpreter: '/q' },
    ],
    ['runs, entries unreadable', 'linux/arm/v7', host('linux/amd64', ran, undefined), { kind: 'binfmt' }],
    ['arm64 with 32-bit cores', 'linux/arm/v7', host('linux/arm64', ran, ''), { kind: 'native' }],
    [
      'arm64 with 32-bit cores, entries unreadable',
      'linux/arm/v7',
      host('linux/arm64', ran, undefined),
      { kind: 'native' },
    ],
    [
      'arm64 that emulates 32-bit',
      'linux/arm/v7',
      host('linux/arm64', ran, entry('/q')),
      { kind: 'binfmt', interpreter: '/q' },
    ],
    [
      'arm64 that does neither',
      'linux/arm/v7',
      host('linux/arm64', failed('exec /program: exec format error'), ''),
      { kind: 'none' },
    ],
    [
      'runc before 1.1',
      'linux/arm/v7',
      host(
        'linux/amd64',
        failed('standard_init_linux.go:228: exec user process caused: exec format error'),
        '',
      ),
      { kind: 'none' },
    ],
    [
      'a runtime that refuses the start',
      'linux/arm/v7',
      host('linux/amd64', refusedAtStart, ''),
      { kind: 'none' },
    ],
    [
      'ARMv6 asked to run ARMv7 code',
      'linux/arm/v7',
      host('linux/arm/v6', failed('', 132), ''),
      { kind: 'none' },
    ],
    [
      'without F',
      'linux/arm/v7',
      host('linux/amd64', failed('exec /program: no such file or directory'), entry('/usr/bin/q')),
      { kind: 'binfmt-without-f', interpreter: '/usr/bin/q' },
    ],
    [
      'without F, two entries: the newest',
      'linux/arm/v7',
      host('linux/amd64', failed('no such file or directory'), entry('/new') + entry('/old')),
      { kind: 'binfmt-without-f', interpreter: '/new' },
    ],
    ['another operating system', 'windows/amd64', host('linux/amd64', ran, ''), { kind: 'none' }],
    ['an unknown processor', 'linux/sparc64', host('linux/amd64', ran, ''), { kind: 'none' }],
    [
      'without F, entries unreadable',
      'linux/arm/v7',
      host('linux/amd64', failed('no such file or directory'), undefined),
      'BINFMT_UNREADABLE',
    ],
    [
      'a host that runs nothing',
      'linux/arm/v7',
      host('linux/amd64', failed('permission denied', 126), ''),
      'PROBE_FAILED',
    ],
    [
      'an engine that has gone',
      'linux/arm/v7',
      host('linux/amd64', new MabuildError('gone', { code: 'ENGINE_UNREACHABLE' }), ''),
      'ENGINE_UNREACHABLE',
    ],
  ];
  for (const [name, platform, world, expected] of rows)
    it(`${name}: ${typeof expected === 'string' ? expected : JSON.stringify(expected)}`, async () => {
      const answer = await probeEmulation(parsePlatform(platform), world).catch((thrown: unknown) =>
        isMabuildError(thrown) ? thrown.code : thrown,
      );
      expect(answer).to.deep.equal(expected);
    });
});
