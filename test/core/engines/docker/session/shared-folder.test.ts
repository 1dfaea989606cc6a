import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { MabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import type { AddedFile, BuildContext } from '../../../../../packages/core/src/context/context.ts';
import {
  SharedContext,
  SharedDockerfiles,
} from '../../../../../packages/core/src/engines/docker/session/shared-folder.ts';
import { rejection } from '../../../../support/rejection.ts';

/** A context of files by path; folders end with a slash. */
function contextOf(files: Readonly<Record<string, string>>, onWalk: () => void = () => {}): BuildContext {
  return {
    async *entries() {
      onWalk();
      for (const [path, content] of Object.entries(files)) {
        const isFolder = path.endsWith('/');
        yield {
          path: isFolder ? path.slice(0, -1) : path,
          type: isFolder ? 'directory' : 'file',
          mode: isFolder ? 0o700 : 0o600,
          size: content.length,
          mtimeMs: 5,
        };
      }
    },
    open: async (path) => {
      const content = files[path];
      if (content === undefined) throw new MabuildError(`no ${path}`, { code: 'CONTEXT_FILE_NOT_FOUND' });
      return Readable.from([Buffer.from(content)]);
    },
    close: async () => {},
  };
}

const added = (path: string, content: string, mode = 0o644): AddedFile => ({ path, mode, from: { content } });
const { signal } = new AbortController();

describe('shared context', () => {
  const rows: readonly [string, Readonly<Record<string, string>>, readonly AddedFile[], readonly string[]][] =
    [
      ['nothing', {}, [], []],
      ['a context as it walks', { a: '', 'a-b': '' }, [], ['a', 'a-b']],
      ['an added file and its folders', { z: '' }, [added('m/q/emu', 'x')], ['m', 'm/q', 'm/q/emu', 'z']],
      [
        'a folder before its siblings',
        { 'a/': '', 'a/b': '', 'a-b': '' },
        [added('a/c', '')],
        ['a', 'a/b', 'a/c', 'a-b'],
      ],
      ['a folder that is there already, once', { 'm/': '' }, [added('m/x', '')], ['m', 'm/x']],
      ['a file where an added one needs a folder', { m: 'file' }, [added('m/x', '')], ['m', 'm/x']],
      [
        'names in byte order',
        { é: '', z: '', 𐍈: '', '\uff5e': '' },
        [added('A', '')],
        ['A', 'z', 'é', '\uff5e', '𐍈'],
      ],
    ];
  for (const [what, files, more, expected] of rows)
    it(`lists ${what}`, async () => {
      const shared = new SharedContext(contextOf(files), signal);
      expect(shared.add(more)).to.equal(true);
      expect((await shared.entries()).map(({ path }) => path)).to.deep.equal(expected);
    });

  it('lets an added file win over one of the context', async () => {
    const shared = new SharedContext(contextOf({ a: 'theirs', b: 'b' }), signal);
    shared.add([added('a', 'ours!!', 0o755)]);
    const [entry] = await shared.entries();
    expect(entry).to.deep.equal({ path: 'a', type: 'file', mode: 0o755, size: 6, mtimeMs: 0 });
    expect(await text(await shared.open('a'))).to.equal('ours!!');
    expect(await text(await shared.open('b'))).to.equal('b');
  });

  it('keeps what the context says of its own files', async () => {
    const shared = new SharedContext(contextOf({ 'd/': '', 'd/a': 'abc' }), signal);
    shared.add([added('d/b', '')]);
    const [folder, file] = await shared.entries();
    expect(folder).to.deep.include({ mode: 0o700, mtimeMs: 5 });
    expect(file).to.deep.include({ mode: 0o600, size: 3 });
  });

  it('walks once for any number of builds', async () => {
    let walks = 0;
    const shared = new SharedContext(
      contextOf({ a: '' }, () => {
        walks += 1;
      }),
      signal,
    );
    await Promise.all([shared.entries(), shared.entries()]);
    await shared.entries();
    expect(walks).to.equal(1);
  });

  const later: readonly [string, boolean, readonly AddedFile[], boolean][] = [
    ['another file before the walk', false, [added('y', '2')], true],
    ['another file after the walk', true, [added('y', '2')], false],
    ['the same file after the walk', true, [added('x', '1')], true],
    ['nothing after the walk', true, [], true],
    ['another content under the same name', false, [added('x', 'other')], false],
    ['other permissions under the same name', false, [added('x', '1', 0o755)], false],
  ];
  for (const [what, isWalked, files, expected] of later)
    it(`${expected ? 'takes' : 'has no place for'} ${what}`, async () => {
      const shared = new SharedContext(contextOf({ a: '' }), signal);
      shared.add([added('x', '1')]);
      if (isWalked) await shared.entries();
      expect(shared.add(files)).to.equal(expected);
    });

  it('says why a context cannot be walked, each time', async () => {
    const why = new MabuildError('no permission', { code: 'CONTEXT_UNREADABLE' });
    const shared = new SharedContext(
      contextOf({ a: '' }, () => {
        throw why;
      }),
      signal,
    );
    expect(await rejection(shared.entries())).to.equal(why);
    expect(await rejection(shared.entries())).to.equal(why);
  });
});

describe('shared Dockerfiles', () => {
  it('are listed in walk order, each with an ignore file that ignores nothing', async () => {
    const shared = new SharedDockerfiles();
    shared.add('Dockerfile.linux-arm-v7', 'FROM b');
    shared.add('Dockerfile.linux-amd64', 'FROM é');
    expect((await shared.entries()).map(({ path, size }) => [path, size])).to.deep.equal([
      ['Dockerfile.linux-amd64', 7],
      ['Dockerfile.linux-amd64.dockerignore', 22],
      ['Dockerfile.linux-arm-v7', 6],
      ['Dockerfile.linux-arm-v7.dockerignore', 22],
    ]);
    expect(await text(await shared.open('Dockerfile.linux-amd64'))).to.equal('FROM é');
  });
});
