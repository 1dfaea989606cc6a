import { EventEmitter } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type MabuildError, openMemory } from '@mabuild/oci';
import { expect } from 'chai';
import { exitCodeOf } from '../../packages/cli/src/exit-code.ts';
import { asFileError } from '../../packages/cli/src/file-error.ts';
import { processIo } from '../../packages/cli/src/io.ts';
import { openSink } from '../../packages/cli/src/sdk/images/location-sink.ts';
import { rejection } from '../support/rejection.ts';

describe('what a file system refuses', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-refused-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const refused: readonly { code: string; syscall: string; becomes: string; hint: RegExp; exit?: number }[] =
    [
      { code: 'ENOSPC', syscall: 'write', becomes: 'FILE_UNWRITABLE', hint: /make room/, exit: 3 },
      { code: 'EDQUOT', syscall: 'write', becomes: 'FILE_UNWRITABLE', hint: /make room/, exit: 3 },
      { code: 'EACCES', syscall: 'open', becomes: 'FILE_UNREADABLE', hint: /whose it is/ },
      { code: 'ENOTDIR', syscall: 'mkdir', becomes: 'FILE_UNREADABLE', hint: /what it should be/ },
    ];
  for (const { code, syscall, becomes, hint, exit = 2 } of refused) {
    it(`${code} is no bug of the program's`, () => {
      const error = asFileError(Object.assign(new Error(`${code}: refused, ${syscall}`), { code, syscall }));
      expect((error as MabuildError).code).to.equal(becomes);
      expect((error as MabuildError).hint).to.match(hint);
      expect(exitCodeOf(error)).to.equal(exit);
    });
  }

  const ofCache: readonly { path: string; syscall: string; names: boolean }[] = [
    { path: '/home/me/.cache/mabuild', syscall: 'mkdir', names: true },
    { path: '/home/me/.cache/mabuild/blobs/x', syscall: 'open', names: true },
    { path: '/home/me', syscall: 'mkdir', names: true },
    { path: '/home/me', syscall: 'scandir', names: false },
    { path: '/home/me/.cache/mabuilder', syscall: 'mkdir', names: false },
    { path: '/home/you/Dockerfile', syscall: 'open', names: false },
  ];
  for (const { path, syscall, names } of ofCache) {
    it(`${syscall} ${path} is ${names ? '' : 'not '}about the cache`, () => {
      const cause = Object.assign(new Error('EACCES: refused'), { code: 'EACCES', syscall, path });
      const { hint } = asFileError(cause, '/home/me/.cache/mabuild') as MabuildError;
      expect(hint?.includes('MABUILD_CACHE')).to.equal(names);
    });
  }

  it('a folder that Node cannot make on a read-only file system is about the cache, where it is of it', () => {
    const cause = (path: string): Error =>
      Object.assign(new Error('ENOENT: no such file or directory, mkdir'), {
        code: 'ENOENT',
        syscall: 'mkdir',
        path,
      });
    const error = asFileError(cause('/cache/sandbox'), '/cache') as MabuildError;
    expect(error.code).to.equal('FILE_UNREADABLE');
    expect(error.message).to.equal('/cache/sandbox cannot be made, as on a read-only file system');
    expect(error.hint).to.match(/MABUILD_CACHE/);
    const other = cause('/else/sandbox');
    expect(asFileError(other, '/cache')).to.equal(other);
  });

  it('a full disk names the cache', () => {
    const cause = Object.assign(new Error('ENOSPC: no space left, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    });
    expect((asFileError(cause, '/cache') as MabuildError).hint).to.include('(/cache)');
  });

  it('a bug stays a bug', () => {
    const bug = Object.assign(new Error('bad argument'), { code: 'ERR_INVALID_ARG_TYPE' });
    expect(asFileError(bug)).to.equal(bug);
  });

  it('what cannot be remembered is forgotten', async () => {
    const file = join(directory, 'memory');
    await writeFile(file, 'a file in the way');
    const memory = openMemory(file);
    await memory.set('pushed', 'key', 'value');
    expect(await memory.get('pushed', 'key')).to.equal(undefined);
  });

  for (const kind of ['oci-archive', 'docker-archive'] as const) {
    it(`a folder where ${kind} is to be is said before anything is read`, async () => {
      await mkdir(join(directory, 'folder'));
      const error = await rejection(openSink({ kind, path: 'folder' }, world()));
      expect([error.message, error.code]).to.deep.equal([
        'writing folder: it is a folder',
        'FILE_UNWRITABLE',
      ]);
    });
  }

  it('a layout that cannot be written is named', async () => {
    const { sink } = await openSink({ kind: 'oci', path: 'image' }, world());
    const file = join(directory, 'image/blobs/sha256');
    await rm(file, { recursive: true });
    await writeFile(file, 'a file in the way');
    const descriptor = { mediaType: 'application/octet-stream', digest: `sha256:${'0'.repeat(64)}`, size: 1 };
    const error = await rejection(
      sink.put(descriptor, async () => {
        throw new Error('not reached');
      }),
    );
    expect([error.message.slice(0, 15), error.code]).to.deep.equal(['writing image: ', 'FILE_UNWRITABLE']);
  });

  const lost: readonly { code: string; status: number; said: string }[] = [
    { code: 'EPIPE', status: 0, said: '' },
    { code: 'ENOSPC', status: 2, said: 'error: writing standard output: ENOSPC (FILE_UNWRITABLE)\n' },
  ];
  for (const { code, status, said } of lost) {
    it(`standard output that ends with ${code} ends the command with ${status}`, () => {
      const ended: number[] = [];
      const stdout = new PassThrough();
      const stderr = new PassThrough({ encoding: 'utf8' });
      const exit = (status: number): void => void ended.push(status);
      processIo(Object.assign(new EventEmitter(), { stdout, stderr, exit, cwd: () => '' }) as never);
      stdout.emit('error', Object.assign(new Error(code), { code }));
      expect(ended[0]).to.equal(status);
      if (said !== '') expect(stderr.read()).to.equal(said);
    });
  }

  const world = (): Parameters<typeof openSink>[1] => ({
    path: (name) => join(directory, name),
    registry: () => Promise.reject(new Error('no registry')),
    openEngine: () => Promise.reject(new Error('no engine')),
    temporaryDirectory: () => join(directory, 'temporary'),
  });
});
