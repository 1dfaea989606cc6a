import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  digestOf,
  digestStream,
  isDigest,
  isVerifiableDigest,
  parseDigest,
  verifyBytes,
  verifyingStream,
} from '@mabuild/oci';
import { expect } from 'chai';

const hello = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return 'fulfilled';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

/** Swallows bytes and counts them. */
function sink(): Writable & { bytes: number } {
  const stream = Object.assign(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        stream.bytes += chunk.length;
        done();
      },
    }),
    { bytes: 0 },
  );
  return stream;
}

describe('digest', () => {
  it('digests bytes and text', () => {
    expect(digestOf('hello')).to.equal(hello);
    expect(digestOf(Buffer.from('hello'))).to.equal(hello);
    expect(digestOf('hello', 'sha512')).to.match(/^sha512:[0-9a-f]{128}$/);
  });

  it('digests a stream that passes through', async () => {
    const digest = digestStream();
    const end = sink();
    await pipeline(Readable.from([Buffer.from('hel'), Buffer.from('lo')]), digest.stream, end);
    expect(digest.digest()).to.equal(hello);
    expect(digest.size()).to.equal(5);
    expect(end.bytes).to.equal(5);
  });

  const grammar: readonly (readonly [string, boolean, boolean])[] = [
    [hello, true, true],
    [`sha512:${'0'.repeat(128)}`, true, true],
    [`sha384:${'0'.repeat(96)}`, true, true],
    [`sha512:${'0'.repeat(64)}`, false, false],
    [hello.toUpperCase(), false, false],
    [hello.replace('2cf', '2CF'), false, false],
    ['sha256:', false, false],
    ['sha256', false, false],
    [`${hello}\n`, false, false],
    [`blake3:${'0'.repeat(64)}`, true, false],
    ['multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8', true, false],
    ['constructor:abc', true, false],
    [`x:${'0'.repeat(100_000)}`, false, false],
  ];
  for (const [text, isOne, verifiable] of grammar) {
    it(`${JSON.stringify(text.slice(0, 30))} of ${text.length}: digest ${isOne}, verifiable ${verifiable}`, () => {
      expect(isDigest(text)).to.equal(isOne);
      expect(isVerifiableDigest(text)).to.equal(verifiable);
      if (!isOne) {
        expect(() => parseDigest(text))
          .to.throw()
          .that.has.property('code', 'INVALID_DIGEST');
      }
    });
  }

  const mismatches: readonly (readonly [string, string[], { digest: string; size: number }, string])[] = [
    ['the right bytes', ['hel', 'lo'], { digest: hello, size: 5 }, 'fulfilled'],
    ['nothing, rightly', [], { digest: digestOf(''), size: 0 }, 'fulfilled'],
    ['other bytes', ['hellO'], { digest: hello, size: 5 }, 'DIGEST_MISMATCH'],
    ['too few', ['hell'], { digest: hello, size: 5 }, 'SIZE_MISMATCH'],
    ['none', [], { digest: hello, size: 5 }, 'SIZE_MISMATCH'],
    ['too many', ['hello', '!'], { digest: hello, size: 5 }, 'SIZE_MISMATCH'],
  ];
  for (const [title, chunks, descriptor, expected] of mismatches) {
    it(`verifies ${title}: ${expected}`, async () => {
      const body = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
      expect(await codeOf(pipeline(body, verifyingStream(descriptor), sink()))).to.equal(expected);
      const whole = Buffer.from(chunks.join(''));
      const inMemory = Promise.resolve().then(() => verifyBytes(whole, descriptor));
      expect(await codeOf(inMemory)).to.equal(expected);
    });
  }

  it('stops an endless body early', async () => {
    let sent = 0;
    const endless = new Readable({
      read() {
        sent += 1024;
        this.push(Buffer.alloc(1024));
      },
    });
    const failure = codeOf(pipeline(endless, verifyingStream({ digest: hello, size: 5 }), sink()));
    expect(await failure).to.equal('SIZE_MISMATCH');
    expect(sent).to.be.below(1024 * 1024);
  });

  it('says so when an algorithm cannot be computed', () => {
    expect(() => verifyingStream({ digest: `blake3:${'0'.repeat(64)}`, size: 1 }))
      .to.throw()
      .that.has.property('code', 'UNSUPPORTED_DIGEST');
  });

  it('names the content in errors', () => {
    expect(() => verifyBytes(Buffer.from('x'), { digest: hello, size: 1 }, 'layer 2 of app:1')).to.throw(
      /^reading layer 2 of app:1: expected sha256:2cf/,
    );
  });
});
