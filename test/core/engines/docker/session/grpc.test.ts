import * as http2 from 'node:http2';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import {
  frames,
  GrpcError,
  type GrpcHandler,
  readFrames,
  serveCall,
} from '../../../../../packages/core/src/engines/docker/session/grpc.ts';

import { type GrpcPeer, grpcPeer } from '../../../../support/grpc-peer.ts';
import { rejection } from '../../../../support/rejection.ts';
import { socketPair } from '../../../../support/socket-pair.ts';

async function framesOf(chunks: readonly Buffer[]): Promise<readonly string[]> {
  const stream = new PassThrough();
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  const found: string[] = [];
  for await (const message of readFrames(stream)) found.push(message.toString());
  return found;
}

describe('gRPC messages', () => {
  const whole = frames([Buffer.from('one'), Buffer.from(''), Buffer.from('three')]);

  it('are written with their lengths', () => {
    expect(whole.toString('latin1')).to.equal('\0\0\0\0\x03one\0\0\0\0\0\0\0\0\0\x05three');
  });

  for (const size of [1, 2, 5, 7, whole.length])
    it(`are read from chunks of ${size}`, async () => {
      const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
        whole.subarray(index * size, (index + 1) * size),
      );
      expect(await framesOf(chunks)).to.deep.equal(['one', '', 'three']);
    });

  const bad: readonly [string, Buffer, RegExp][] = [
    ['a message that is cut', whole.subarray(0, -1), /breaks off/],
    ['a length that is cut', whole.subarray(0, 3), /breaks off/],
    ['a compressed message', Buffer.from([1, 0, 0, 0, 0]), /compressed/],
    ['a huge length', Buffer.from([0, 255, 255, 255, 255]), /4294967295 bytes is too large/],
  ];
  for (const [what, bytes, message] of bad)
    it(`refuse ${what}`, async () => {
      const error = await rejection(framesOf([bytes]));
      expect(error).to.be.instanceOf(GrpcError);
      expect(error.message).to.match(message);
    });
});

describe('gRPC calls', () => {
  let peer: GrpcPeer;
  const handlers = new Map<string, GrpcHandler>([
    [
      '/echo',
      async (call) => {
        for await (const message of call.messages()) await call.send(message);
      },
    ],
    [
      '/values',
      async (call) => {
        for await (const _ of call.messages());
        await call.send(Buffer.from(JSON.stringify(call.values('names'))));
      },
    ],
    [
      '/refuse',
      async () => {
        throw new GrpcError(5, 'there is no “such” thing: 100 %');
      },
    ],
    [
      '/break',
      async () => {
        throw new Error('half a pair \ud800');
      },
    ],
    [
      '/flood',
      async (call) => {
        for (let count = 0; count < 200; count += 1) await call.send(Buffer.alloc(64 * 1024));
      },
    ],
  ]);

  beforeEach(async () => {
    const [ours, theirs] = await socketPair();
    const server = http2.performServerHandshake(ours);
    server.on('error', () => {});
    // Node hands the raw headers over as a fourth argument.
    const answer = (
      stream: http2.ServerHttp2Stream,
      headers: http2.IncomingHttpHeaders,
      ...rest: unknown[]
    ): void => serveCall(stream, headers, rest[1] as readonly string[], handlers);
    server.on('stream', answer);
    peer = grpcPeer(theirs);
  });
  afterEach(() => peer.close());

  const rows: readonly [string, number | undefined, string, string | undefined][] = [
    ['/echo', 0, '', 'hello'],
    ['/refuse', 5, 'there is no “such” thing: 100 %', undefined],
    ['/break', 2, 'half a pair \ufffd', undefined],
    ['/nothing', 12, '', undefined],
  ];
  for (const [path, status, message, answer] of rows)
    it(`${path} ends with status ${status}`, async () => {
      const result = await peer.ask(path, Buffer.from('hello'));
      expect({ ...result, answer: result.answer?.toString() }).to.deep.equal({ status, message, answer });
    });

  it('keep values of a repeated header apart, commas and all', async () => {
    const call = peer.call('/values', { names: ['a, b', 'c'] });
    call.end();
    expect(String(await call.next())).to.equal('["a, b","c"]');
  });

  it('end when the engine breaks them off in the middle of an answer', async () => {
    const call = peer.call('/flood');
    expect((await call.next())?.length).to.equal(64 * 1024);
    call.reset();
    expect((await call.ended).status).to.equal(undefined);
    expect((await peer.ask('/echo', Buffer.from('still there'))).answer?.toString()).to.equal('still there');
  });

  it('wait for an engine that reads slowly', async () => {
    const call = peer.call('/flood');
    let bytes = 0;
    for (let message = await call.next(); message; message = await call.next()) bytes += message.length;
    expect(bytes).to.equal(200 * 64 * 1024);
    expect((await call.ended).status).to.equal(0);
  });
});
