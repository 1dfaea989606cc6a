import { PassThrough, Readable } from 'node:stream';
import type { Io } from '../../packages/cli/src/io.ts';

/** The world of a command, and what it wrote. */
export interface FakeIo {
  readonly io: Io;
  stdout(): string;
  stderr(): string;
}

/** A world without this machine's environment, for commands that are called in this process. */
export function fakeIo(given: Partial<Io> & { readonly input?: string } = {}): FakeIo {
  const out = new PassThrough();
  const err = new PassThrough();
  const texts = { out: '', err: '' };
  out.on('data', (chunk: Buffer) => {
    texts.out += chunk.toString('utf8');
  });
  err.on('data', (chunk: Buffer) => {
    texts.err += chunk.toString('utf8');
  });
  const { input = '', ...io } = given;
  return {
    io: {
      environment: {},
      workingDirectory: process.cwd(),
      stdin: Readable.from([Buffer.from(input)]),
      stdout: out,
      stderr: err,
      operatingSystem: 'linux',
      architecture: 'x64',
      signal: new AbortController().signal,
      ...io,
    },
    stdout: () => texts.out + (out.read()?.toString('utf8') ?? ''),
    stderr: () => texts.err + (err.read()?.toString('utf8') ?? ''),
  };
}
