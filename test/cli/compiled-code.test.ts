import { chmod, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openCode } from '../../packages/cli/src/compiled-code.ts';

const files = {
  'first.cjs': [
    "const { twice } = require('./second.cjs');",
    "const { sep } = require('node:path');",
    'exports.answer = (number) => `${twice(number)}${sep}`;',
    "exports.deferred = async () => (await later('./third.cjs')).name;",
    "exports.imported = async () => (await later('./module.mjs')).default;",
    "exports.separator = async () => (await later('node:path')).sep;",
    'exports.isStrict = (function () { return this === undefined; })();',
  ],
  'second.cjs': ["require('./first.cjs');", 'exports.twice = (number) => 2 * number;'],
  'third.cjs': ["exports.name = 'third';"],
  'module.mjs': ["export default 'module';"],
};

interface First {
  answer(number: number): string;
  deferred(): Promise<string>;
  imported(): Promise<string>;
  separator(): Promise<string>;
  readonly isStrict: boolean;
}

describe('code of the bundle', () => {
  let folder: string;
  let kept: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mabuild-code-'));
    kept = join(folder, 'cache/code/test-1');
    for (const [name, lines] of Object.entries(files)) await writeFile(join(folder, name), lines.join('\n'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Loads it, and tells which file is kept afterwards. */
  async function run(): Promise<number | undefined> {
    const code = openCode(folder, kept);
    const first = code.load('./first.cjs') as First;
    expect(first.answer(21)).to.equal('42/');
    expect(await first.deferred()).to.equal('third');
    expect(await first.imported()).to.equal('module');
    expect(await first.separator()).to.equal('/');
    expect(first.isStrict).to.equal(true);
    expect(code.load('./first.cjs')).to.equal(first);
    code.keep();
    return (await stat(kept).catch(() => undefined))?.ino;
  }

  it('is kept once, in a file that is there whole', async () => {
    const written = await run();
    expect(written).to.be.a('number');
    expect(await run()).to.equal(written);
    expect(await readdir(join(folder, 'cache/code'))).to.deep.equal(['test-1']);
    expect((await stat(kept)).mode & 0o777).to.equal(0o600);
  });

  it('is kept with what a later process loads besides', async () => {
    const code = openCode(folder, kept);
    code.load('./third.cjs');
    code.keep();
    const { ino, size } = await stat(kept);
    expect(await run()).to.not.equal(ino);
    expect((await stat(kept)).size).to.be.above(size);
  });

  it('is kept again when much of it was run for the first time', async () => {
    const lines = Array.from({ length: 300 }, (_, index) => `const word${index} = 'word ${index}';`);
    await writeFile(join(folder, 'large.cjs'), `exports.run = () => { ${lines.join('\n')} return word7; };`);
    const inodes: number[] = [];
    for (const [runs, whole] of [
      [false, false],
      [true, false],
      [true, true],
      [true, true],
    ] as const) {
      const code = openCode(folder, kept);
      const large = code.load('./large.cjs') as { run(): string };
      if (runs) expect(large.run()).to.equal('word 7');
      code.keep(whole);
      inodes.push((await stat(kept)).ino);
    }
    const [first, ...others] = inodes;
    expect(others.map((inode) => inode === first)).to.deep.equal([true, false, false]);
    expect(inodes[3]).to.equal(inodes[2]);
  });

  it('takes the place of what was kept long ago', async () => {
    await run();
    for (const [name, days] of [
      ['old-1', 31],
      ['recent-1', 29],
    ] as const) {
      const file = join(folder, 'cache/code', name);
      await writeFile(file, '');
      const time = new Date(Date.now() - days * 24 * 3600 * 1000);
      await utimes(file, time, time);
    }
    await rm(kept);
    await run();
    expect((await readdir(join(folder, 'cache/code'))).sort()).to.deep.equal(['recent-1', 'test-1']);
  });

  const unusable: Readonly<Record<string, (file: string) => Promise<void>>> = {
    'cut off': (file) => truncate(file, 200),
    empty: (file) => truncate(file, 0),
    'of something else': (file) => writeFile(file, '{}\n'),
    'with other bytes': async (file) => {
      const bytes = await readFile(file);
      await writeFile(file, bytes.fill(7, Math.floor(bytes.length / 2)));
    },
    'that others may write to': (file) => chmod(file, 0o622),
  };
  for (const [name, spoil] of Object.entries(unusable)) {
    it(`a file ${name} is not used and written again`, async () => {
      const written = await run();
      await spoil(kept);
      expect(await run()).to.not.equal(written);
      expect((await stat(kept)).mode & 0o777).to.equal(0o600);
    });
  }

  it('runs where nothing can be kept', async () => {
    await writeFile(join(folder, 'cache'), '');
    expect(await run()).to.equal(undefined);
  });
});
