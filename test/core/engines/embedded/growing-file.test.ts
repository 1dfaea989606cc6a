import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { growingFile } from '../../../../packages/core/src/engines/embedded/layers/growing-file.ts';
import { rejection } from '../../../support/rejection.ts';

describe('a file that grows', () => {
  let directory = '';
  let temporary = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-growing-'));
    temporary = join(directory, 'temporary');
    await writeFile(temporary, '');
  });
  afterEach(() => rm(directory, { recursive: true }));

  const descriptor = (size: number) => ({ mediaType: 'x', digest: 'sha256:x', size });
  const file = (): string => join(directory, 'file');

  it('is read as it is written, by each reader from its first byte', async () => {
    const { blob, grew, end } = growingFile(temporary);
    const reading = [buffer(await blob.open())];
    let text = '';
    for (const word of ['one', 'two', 'x'.repeat(2_000_000), 'three']) {
      await appendFile(temporary, word);
      text += word;
      grew(text.length);
      await new Promise((resolve) => setTimeout(resolve, 5));
      reading.push(buffer(await blob.open()));
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    await rename(temporary, file());
    end(descriptor(text.length), file());
    reading.push(buffer(await blob.open()));
    for (const found of await Promise.all(reading)) expect(found.toString() === text).to.equal(true);
    expect(await blob.finished).to.deep.equal(descriptor(text.length));
  });

  it('gives no byte that is not said to be written', async () => {
    const { blob, grew, end } = growingFile(temporary);
    await appendFile(temporary, 'abcdef');
    const stream = await blob.open();
    const found: string[] = [];
    stream.on('data', (bytes: Buffer) => found.push(bytes.toString()));
    grew(2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(found.join('')).to.equal('ab');
    end(descriptor(6), temporary);
    await new Promise((resolve) => stream.once('end', resolve));
    expect(found.join('')).to.equal('abcdef');
  });

  it('ends with what went wrong', async () => {
    const { blob, grew, fail } = growingFile(temporary);
    await appendFile(temporary, 'abc');
    grew(3);
    const reading = buffer(await blob.open());
    await new Promise((resolve) => setTimeout(resolve, 5));
    fail(new Error('no space'));
    expect(String(await rejection(reading))).to.equal('Error: no space');
    expect(String(await rejection(blob.finished))).to.equal('Error: no space');
    expect(String(await rejection(buffer(await blob.open())))).to.equal('Error: no space');
  });

  it('tells of a file that is shorter than was said', async () => {
    const { blob, grew } = growingFile(temporary);
    grew(3);
    expect(String(await rejection(buffer(await blob.open())))).to.match(/ends before its end/);
  });
});
