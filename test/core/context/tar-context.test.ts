import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { BuildContext } from '../../../packages/core/src/context/context.ts';
import { openTarContext, type TarContext } from '../../../packages/core/src/context/tar-context.ts';
import { compressedTars } from '../../support/compressed-tars.ts';
import { rejection } from '../../support/rejection.ts';
import { makeTar } from '../../support/tar.ts';

let temporaryDirectory: string;

beforeEach(async () => {
  temporaryDirectory = await mkdtemp(join(tmpdir(), 'mabuild-tar-context-'));
});
afterEach(() => rm(temporaryDirectory, { recursive: true, force: true }));

function open(bytes: Buffer, dockerfile = 'Dockerfile', pieces = 100): Promise<TarContext> {
  const chunks = [];
  for (let at = 0; at < bytes.length; at += pieces) chunks.push(bytes.subarray(at, at + pieces));
  return openTarContext(Readable.from(chunks), { temporaryDirectory, dockerfile });
}

async function pathsOf(context: BuildContext): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of context.entries()) paths.push(entry.path);
  return paths;
}

const tar = makeTar([
  { path: 'Dockerfile', content: 'FROM scratch' },
  { path: '.dockerignore', content: '*.log' },
  { path: 'other/Dockerfile.arm', content: 'FROM scratch' },
  { path: 'other/Dockerfile.arm.dockerignore', content: 'kept\n.dockerignore' },
  { path: 'kept', content: 'x' },
  { path: 'a.log', content: 'x' },
]);

/** Bytes, the Dockerfile's name, what the context holds; a text when the bytes are a Dockerfile. */
const rows: readonly (readonly [string, Buffer, string, readonly string[], string?])[] = [
  [
    'a tar',
    tar,
    'Dockerfile',
    [
      '.dockerignore',
      'Dockerfile',
      'kept',
      'other',
      'other/Dockerfile.arm',
      'other/Dockerfile.arm.dockerignore',
    ],
  ],
  [
    'a gzipped tar and the .dockerignore of its Dockerfile',
    gzipSync(tar),
    'other/Dockerfile.arm',
    ['Dockerfile', 'a.log', 'other', 'other/Dockerfile.arm', 'other/Dockerfile.arm.dockerignore'],
  ],
  [
    'a tar whose .dockerignore leads out of it',
    makeTar([
      { path: '.dockerignore', symlink: '/etc/hosts' },
      { path: 'Dockerfile.dockerignore', symlink: '.dockerignore' },
    ]),
    'Dockerfile',
    ['.dockerignore', 'Dockerfile.dockerignore'],
  ],
  ...Object.entries(compressedTars).map(
    ([name, bytes]) => [`a tar compressed with ${name}`, bytes, 'Dockerfile', ['a']] as const,
  ),
  ['an empty tar', Buffer.alloc(1024), 'Dockerfile', []],
  ['a Dockerfile', Buffer.from('FROM scratch\n'), 'Dockerfile', [], 'FROM scratch\n'],
  [
    'a Dockerfile that is longer than a tar header',
    Buffer.from(`FROM scratch\n${'# é\n'.repeat(500)}`),
    'Dockerfile',
    [],
    `FROM scratch\n${'# é\n'.repeat(500)}`,
  ],
];

const whole = gzipSync(tar);
const damaged = Buffer.from(whole);
damaged.fill(0xff, 60, 90);

const bad: readonly (readonly [string, Buffer, string])[] = [
  ['nothing', Buffer.alloc(0), 'CONTEXT_ARCHIVE_INVALID'],
  ['bytes that are neither', Buffer.from('FROM\0scratch'), 'CONTEXT_ARCHIVE_INVALID'],
  ['a tar that is cut off', tar.subarray(0, 700), 'CONTEXT_ARCHIVE_INVALID'],
  ['a gzipped tar that is cut off', whole.subarray(0, whole.length - 30), 'CONTEXT_ARCHIVE_INVALID'],
  ['a damaged gzip', damaged, 'CONTEXT_ARCHIVE_INVALID'],
  ['a gzip that holds no tar', gzipSync('FROM scratch\n'.repeat(100)), 'CONTEXT_ARCHIVE_INVALID'],
  ['a name outside of it', makeTar([{ path: '../x', content: 'x' }]), 'CONTEXT_ARCHIVE_INVALID'],
  ['a damaged bzip2', Buffer.from('BZh91AY&SY'), 'CONTEXT_ARCHIVE_INVALID'],
  ['a wrong .dockerignore', makeTar([{ path: '.dockerignore', content: '[' }]), 'DOCKERIGNORE_INVALID'],
];

describe('openTarContext', () => {
  for (const [what, bytes, dockerfile, paths, text] of rows) {
    it(`opens ${what}, and deletes it when it is closed`, async () => {
      const { context, dockerfileText } = await open(bytes, dockerfile);
      expect(await pathsOf(context)).to.deep.equal(paths);
      expect(dockerfileText).to.equal(text);
      await context.close();
      expect(await readdir(temporaryDirectory)).to.deep.equal([]);
    });
  }

  for (const [what, bytes, code] of bad) {
    it(`refuses ${what}, and leaves nothing behind`, async () => {
      const error = await rejection(open(bytes));
      expect(error.code, error.message).to.equal(code);
      expect(error.message).not.to.contain(temporaryDirectory);
      expect(await readdir(temporaryDirectory)).to.deep.equal([]);
    });
  }

  it('rejects with the reason of an abort while it waits for bytes', async () => {
    const controller = new AbortController();
    const stream = new Readable({ read() {} });
    stream.push(tar.subarray(0, 600));
    const opening = openTarContext(stream, {
      temporaryDirectory,
      dockerfile: 'Dockerfile',
      signal: controller.signal,
    });
    const reason = new Error('enough');
    setImmediate(() => controller.abort(reason));
    expect(await rejection(opening)).to.equal(reason);
    expect(stream.destroyed).to.equal(true);
    expect(await readdir(temporaryDirectory)).to.deep.equal([]);
  });
});
