import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { contextTar } from '../../../packages/core/src/context/archive.ts';
import type { BuildContext } from '../../../packages/core/src/context/context.ts';
import { openFolderContext } from '../../../packages/core/src/context/folder-context.ts';

let folder: string;

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

async function pathsOf(context: BuildContext): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of context.entries()) paths.push(entry.path);
  return paths;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mabuild-context-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Files, what is walked. */
const walks: readonly (readonly [string, Readonly<Record<string, string>>, readonly string[]])[] = [
  [
    'parents first, siblings by bytes',
    { 'a.b': '', 'a/c': '', 'a-': '', Z: '' },
    ['Z', 'a', 'a/c', 'a-', 'a.b'],
  ],
  ['code points above the surrogates come last', { '\u{1F600}': '', '\uFF5E': '' }, ['\uFF5E', '\u{1F600}']],
  ['left out folders are left out', { '.dockerignore': 'a\n.dockerignore', 'a/b': '', c: '' }, ['c']],
  [
    'the Dockerfile and .dockerignore stay left out',
    { '.dockerignore': '*\n!c', Dockerfile: '', c: '' },
    ['c'],
  ],
  ['.dockerignore is a file like others', { '.dockerignore': 'a', a: '' }, ['.dockerignore']],
  [
    'a folder that is left out appears above what stays',
    { '.dockerignore': '*\n!a/b/keep', 'a/b/keep': '', 'a/b/c': '', 'd/e': '' },
    ['a', 'a/b', 'a/b/keep'],
  ],
  [
    'a pattern keeps a file at any depth',
    { '.dockerignore': '**\n!**/*.md', 'a/b/x.md': '', 'a/c': '', 'd/e': '' },
    ['a', 'a/b', 'a/b/x.md'],
  ],
];

describe('openFolderContext', () => {
  for (const [title, files, expected] of walks) {
    it(title, async () => {
      await write(files);
      expect(await pathsOf(await openFolderContext(folder))).to.deep.equal(expected);
    });
  }

  it("lets the Dockerfile's own ignore file win", async () => {
    await write({ '.dockerignore': 'a', 'arm.Dockerfile.dockerignore': 'b\n*ignore', a: '', b: '' });
    const context = await openFolderContext(folder, { dockerfile: join(folder, 'arm.Dockerfile') });
    expect(await pathsOf(context)).to.deep.equal(['a']);
  });

  it('keeps links as links and skips pipes', async () => {
    await symlink('/etc', join(folder, 'link'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const skipped: string[] = [];
    const context = await openFolderContext(folder, { onSkipped: (path) => skipped.push(path) });
    const entries = [];
    for await (const entry of context.entries()) entries.push(entry);
    expect(entries).to.have.length(1);
    expect(entries[0]).to.include({ path: 'link', type: 'symlink', linkname: '/etc', size: 0 });
    expect(skipped).to.deep.equal(['pipe']);
  });

  it('opens what it lists, and nothing else', async () => {
    await write({ '.dockerignore': 'secret', secret: 's', 'a/b': 'text' });
    await symlink('a/b', join(folder, 'link'));
    const context = await openFolderContext(folder);
    expect(await text(await context.open('a/b'))).to.equal('text');
    for (const path of ['secret', 'none', '../x', '', 'a/../secret', 'link']) {
      const error = await context.open(path).catch((reason: unknown) => reason);
      expect(error, path).to.include({ code: 'CONTEXT_FILE_NOT_FOUND' });
    }
  });

  it('opens nothing through a folder that became a link', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'mabuild-outside-'));
    try {
      await writeFile(join(outside, 'b'), 'not yours');
      await write({ 'a/b': 'text' });
      const context = await openFolderContext(folder);
      await rename(join(folder, 'a'), join(folder, 'moved'));
      await symlink(outside, join(folder, 'a'));
      const changed = { code: 'CONTEXT_CHANGED' };
      expect(await context.open('a/b').catch((reason: unknown) => reason)).to.include(changed);
      expect(() => context.readSmall?.('a/b'))
        .to.throw(/not where it was listed/)
        .and.to.include(changed);
      expect(await text(await context.open('moved/b'))).to.equal('text');
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  it('does not wait for a pipe that took the place of a file', async function () {
    if (process.platform === 'win32') this.skip();
    await write({ a: '' });
    const context = await openFolderContext(folder);
    await rm(join(folder, 'a'));
    execFileSync('mkfifo', [join(folder, 'a')]);
    expect(await text(await context.open('a'))).to.equal('');
    expect(context.readSmall?.('a')).to.have.length(0);
  });

  it('says that a name is not UTF-8', async function () {
    if (process.platform !== 'linux') this.skip();
    await writeFile(Buffer.concat([Buffer.from(`${folder}/n`), Buffer.from([0xff])]), '');
    const error = await pathsOf(await openFolderContext(folder)).catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'CONTEXT_UNREADABLE' });
    expect((error as Error).message).to.match(/not UTF-8/);
  });

  it('has a key of its path', async () => {
    const [one, two] = [await openFolderContext(folder), await openFolderContext(`${folder}/`)];
    expect(one.key).to.equal(two.key);
    expect(one.key).not.to.equal((await openFolderContext(dirname(folder))).key);
  });

  it('names a folder that is not there, and a file in its place', async () => {
    await write({ file: '' });
    for (const name of ['none', 'file']) {
      const error = await openFolderContext(join(folder, name)).catch((reason: unknown) => reason);
      expect(error).to.include({ code: 'CONTEXT_NOT_FOUND' });
      expect((error as Error).message).to.include(join(folder, name));
    }
  });

  it('names what it may not read', async function () {
    if (process.getuid?.() === 0) {
      // The superuser may read everything.
      this.skip();
    }
    await write({ 'a/b': '' });
    await chmod(join(folder, 'a/b'), 0);
    const error = await (await openFolderContext(folder)).open('a/b').catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'CONTEXT_UNREADABLE' });
    expect((error as Error).message).to.include('a/b');
  });

  it('stops with the reason of an abort', async () => {
    await write({ a: '' });
    const reason = new Error('enough');
    const context = await openFolderContext(folder);
    const iterator = context.entries({ signal: AbortSignal.abort(reason) })[Symbol.asyncIterator]();
    expect(await iterator.next().catch((error: unknown) => error)).to.equal(reason);
  });
});

describe('contextTar', () => {
  async function listOf(context: BuildContext, options: Parameters<typeof contextTar>[1]): Promise<string[]> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of contextTar(context, options)) chunks.push(chunk);
    const listing = execFileSync('tar', ['-tvf', '-', '--numeric-owner', '--quoting-style=literal'], {
      input: Buffer.concat(chunks),
      env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' },
    });
    return listing.toString().trimEnd().split('\n');
  }

  it('packs what the context lists and what is added, for user 0', async () => {
    const long = `${'d'.repeat(120)}/${'f'.repeat(120)}`;
    await write({
      '.dockerignore': 'no',
      no: '',
      'ü/a b': 'hi',
      [long]: 'x',
      empty: '',
      '.mabuild/x': 'mine',
    });
    await symlink('ü/a b', join(folder, 'link'));
    await chmod(join(folder, 'empty'), 0o755);
    const list = await listOf(await openFolderContext(folder), {
      addedFiles: [
        { path: '.mabuild/x', mode: 0o755, from: { content: 'ours' } },
        { path: '.mabuild/y', mode: 0o600, from: { file: join(folder, 'ü/a b') } },
      ],
      dockerfile: { name: '.mabuild/Dockerfile', text: 'FROM scratch\n' },
    });
    const shown = list.map((line) => {
      const [mode, owner, size, , , ...name] = line.split(/\s+/);
      return `${mode} ${owner} ${size} ${name.join(' ')}`;
    });
    const umask = shown.find((line) => line.endsWith(' .dockerignore'))?.split(' ')[0];
    const directory = shown.find((line) => line.endsWith(' ü'))?.split(' ')[0];
    expect(shown).to.have.members([
      'drwxr-xr-x 0/0 0 .mabuild',
      '-rwxr-xr-x 0/0 4 .mabuild/x',
      '-rw------- 0/0 2 .mabuild/y',
      '-rw-r--r-- 0/0 13 .mabuild/Dockerfile',
      `${umask} 0/0 2 .dockerignore`,
      `${directory} 0/0 0 ${long.slice(0, 120)}`,
      `${umask} 0/0 1 ${long}`,
      '-rwxr-xr-x 0/0 0 empty',
      'lrwxrwxrwx 0/0 0 link -> ü/a b',
      `${directory} 0/0 0 ü`,
      `${umask} 0/0 2 ü/a b`,
    ]);
  });

  it('fails with what the context throws', async () => {
    await write({ a: 'x', b: 'y' });
    const context = await openFolderContext(folder);
    const broken: BuildContext = {
      ...context,
      open: async (path) => {
        if (path === 'b') throw new Error('no b');
        return await context.open(path);
      },
    };
    const error = await listOf(broken, {}).catch((reason: unknown) => reason);
    expect((error as Error).message).to.equal('no b');
  });

  it('fails when a file becomes shorter', async () => {
    await write({ a: 'long text' });
    const context = await openFolderContext(folder);
    const shrinking: BuildContext = {
      ...context,
      open: async (path) => {
        await write({ a: 'x' });
        return await context.open(path);
      },
    };
    expect(await listOf(shrinking, {}).catch((reason: unknown) => reason)).to.include({
      code: 'CONTEXT_CHANGED',
    });
  });

  it('stops with the reason of an abort', async () => {
    await write({ a: 'x' });
    const reason = new Error('enough');
    const context = await openFolderContext(folder);
    expect(
      await listOf(context, { signal: AbortSignal.abort(reason) }).catch((error: unknown) => error),
    ).to.equal(reason);
  });
});
