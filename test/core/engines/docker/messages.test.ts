import { Readable } from 'node:stream';
import { isMabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import {
  type EngineMessage,
  errorOfMessage,
  readMessages,
} from '../../../../packages/core/src/engines/docker/messages.ts';

const options = { action: 'POST /build', endpoint: 'unix:///e.sock' };

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function read(...chunks: readonly (string | Uint8Array)[]): Promise<EngineMessage[]> {
  return await collect(readMessages(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), options));
}

describe('messages of an engine', () => {
  const good: readonly [string, readonly string[], readonly EngineMessage[]][] = [
    ['nothing', [], []],
    ['one line', ['{"stream":"a"}\n'], [{ stream: 'a' }]],
    ['CRLF', ['{"stream":"a"}\r\n{"stream":"b"}\r\n'], [{ stream: 'a' }, { stream: 'b' }]],
    ['no line end at the end', ['{"stream":"a"}'], [{ stream: 'a' }]],
    ['a line in three pieces', ['{"st', 'ream":"', 'a"}\n'], [{ stream: 'a' }]],
    ['two lines in one piece', ['{"stream":"a"}\n{"stream":"b"}\n'], [{ stream: 'a' }, { stream: 'b' }]],
    ['blank lines and a stray {}', ['\n{}\r\n\n{"stream":"a"}\n{}'], [{ stream: 'a' }]],
    [
      'an error behind HTTP 200',
      ['{"errorDetail":{"code":3,"message":"m"},"error":"m"}'],
      [{ errorDetail: { code: 3, message: 'm' }, error: 'm' }],
    ],
  ];
  for (const [name, chunks, expected] of good)
    it(name, async () => expect(await read(...chunks)).to.deep.equal(expected));

  it('a character cut in two', async () => {
    const bytes = Buffer.from('{"stream":"ä"}\n');
    expect(await read(bytes.subarray(0, 12), bytes.subarray(12))).to.deep.equal([{ stream: 'ä' }]);
  });

  const bad: readonly [string, string][] = [
    ['a line that breaks off', '{"stream":"a"}\n{"stre'],
    ['HTML of a proxy', '<html><body>502</body></html>'],
    ['a number', '5\n'],
    ['null', 'null\n'],
    ['an array', '[{"stream":"a"}]\n'],
    ['a string', '"x"\n'],
    ['two objects in a line', '{"stream":"a"}{"stream":"b"}\n'],
    ['bytes that are no text', '\u0000\u0001\u0002\n'],
  ];
  for (const [name, text] of bad)
    it(`refuses ${name}`, async () => {
      const error = await read(text).catch((thrown: unknown) => thrown);
      expect(isMabuildError(error) && error.code).to.equal('ENGINE_ANSWER_INVALID');
      expect((error as Error).message).to.contain('unix:///e.sock answered POST /build');
    });

  it('a broken connection is ENGINE_UNREACHABLE', async () => {
    const body = Readable.from(
      (async function* () {
        yield Buffer.from('{"stream":"a"}\n');
        throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
      })(),
    );
    const error = await collect(readMessages(body, options)).catch((thrown: unknown) => thrown);
    expect(isMabuildError(error) && error.code).to.equal('ENGINE_UNREACHABLE');
  });

  it('an abort rejects with its own reason', async () => {
    const reason = { why: 'enough' };
    const signal = AbortSignal.abort(reason);
    const error = await collect(readMessages(Readable.from([]), { ...options, signal })).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).to.equal(reason);
  });

  const errors: readonly [EngineMessage, string | undefined][] = [
    [{ stream: 'a' }, undefined],
    [{ error: 'plain' }, 'plain'],
    [{ error: 'outer', errorDetail: { message: 'inner' } }, 'inner'],
    [{ error: '\u001b[31mred\u001b[0m \n' }, 'red'],
  ];
  for (const [message, expected] of errors)
    it(`${JSON.stringify(message)} → ${expected}`, () => expect(errorOfMessage(message)).to.equal(expected));
});
