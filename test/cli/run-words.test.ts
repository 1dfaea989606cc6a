import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runCli } from '../support/cli-run.ts';

describe('words of mabuild run', () => {
  let work = '';
  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'mabuild-words-'));
  });
  after(() => rm(work, { recursive: true, force: true }));

  const rows: readonly (readonly [readonly string[], RegExp, RegExp])[] = [
    [['app', '--platform', 'linux/arm64'], /--platform stands after the image/, /before the image/],
    [['app', '--platform=linux/arm64'], /--platform stands after the image/, /put -- before it/],
    [['app', '-i'], /-i stands after the image/, /mabuild run -i … IMAGE/],
    [['app', '--debug', 'x'], /--debug stands after the image/, /before the image/],
    [['-t', 'app'], /unknown option '-t'/, /no terminal: leave out -t; -i passes standard input on/],
    [['-it', 'app'], /unknown option '-t'/, /no terminal/],
    [['--tty', 'app'], /unknown option '--tty'/, /no terminal/],
    [['--detach', 'app'], /unknown option '--detach'/, /`mabuild run --help`/],
    [[], /missing required argument 'ref'/, /--help/],
  ];
  for (const [words, message, hint] of rows) {
    it(`are refused: ${words.join(' ')}`, async () => {
      const { code, stderr } = await runCli(work, ['run', ...words]);
      expect(code, stderr).to.equal(2);
      const [first = '', second = ''] = stderr.split('\n');
      expect(first).to.match(message);
      expect(second).to.match(hint);
    });
  }

  const taken: readonly (readonly string[])[] = [
    ['--version'],
    ['ls', '-l', '--platform', 'x'],
    ['--', '--platform', 'x'],
    ['-x'],
  ];
  for (const words of taken) {
    it(`are the program's: ${words.join(' ')}`, async () => {
      // Where there is no image, nothing is started.
      const { code, stderr } = await runCli(work, [
        'run',
        '--engine',
        'embedded',
        `oci:${work}/none`,
        ...words,
      ]);
      expect(code, stderr).to.equal(2);
      expect(stderr).to.match(/LAYOUT_INVALID/);
    });
  }
});
