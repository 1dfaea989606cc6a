import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { decompressed } from '@mabuild/oci';
import { expect } from 'chai';
import { rejection } from '../../support/rejection.ts';

/** What is in all of them. */
const text = Buffer.from(
  Array.from(
    { length: 20_000 },
    (_, line) => `line ${line % 50} of a text that is long enough to fill several blocks\n`,
  ).join(''),
);

// Written by xz 5.4, zstd 1.5 and bzip2 1.0: Node 20 writes none of them.
const xz = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM8o3/AYVdADYaSh8IoCYDTQad7+2MoT/IOM9thS+Y9mRqPbk9vENo/SsSRD7wFCp4EQZx' +
    'OL0upNxuHA8dE1rr9Tn6FPUs0+0869VgSlxNG+7ni++N3KMU6qZFrE2PRhbKR+HdfT0XNOFHdAzZ6QusubrIgh60sRjSyV01TyTb' +
    'e8Bwc610iV7u7ZW/AddjlxFe6Ohtc8FQZ2rQT34kfvtiOJSQuZv5swkI+aWn6xOg0WrsLvKn8KC+Cwaj0okfDK20YSqDv5XUK4vm' +
    'seN7LEU8Y/DGFisCdvasXwCaRINUniZwasLJz0Ya9CiWReA+vtHEhKAPmKj4BovZ9X/WDRs/fXergxQhbtHVevM+FFNidqxZ5OVb' +
    'BQj5x9qt/PtSK3TNHlsgQvndUz34KWQJO4DLKmzftTvwxL0uX6oPPktmQpATDv8Qk/hxeFn4C83/lShGD6n8fN77mjAuVsCPhfOD' +
    'gcBlxCVT+PWRNjEFpbDub8FwTUcM0ZERqq1gHbrOsScYXFmG6WZSWChKxBcAAAAAANTiQ5V93OLtAAGhA4CcSgBmPHNFscRn+wIA' +
    'AAAABFla',
  'base64',
);
const zstd = Buffer.from(
  'KLUv/QRojAQAAocVEZB9QDR5EHu7O1P6T3iur2AGCR1TyBAfSELHFDLEh5HQMYUM8UEkdEwhQ/wndEwhQzy4ktW5fCrbdLs+Z3Re' +
    'scOXK23+aJ1+o2MFsePdsCt31YM3GmczqCHs7v8d0BtZxhEkBP//f4Lf7x3046uWyEQyEEgkiRgJEpEkUomJJAkfYIsLAgEAYGEa' +
    'f4BUAVQAAAABAP3/o/65BgJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAAAAEA/f85AAJEAAAAAQD9/zkAAkQAAAABAP3/OQACRAAA' +
    'AAEA/f85AAJEAAAAAQD9/zkAAkUAAAABAP0NHQABUeJ7IQ==',
  'base64',
);
const bzip2 = Buffer.from(
  'QlpoOTFBWSZTWWZQiVAEJ+rZgAAQQAB/4Dvtn0BQBHzwBQAgACgAAAABQAAAAAoAAAAAJqqmmJA0bU9Ro2KApVSP/VVNH/qqj0I9ExGme' +
    'JSFHYpCjQpCjvKQo1lIUfspCjaUhRnRKivYSP4iR4EjwJH8iR6iR8RI+QkfMSP6Ej+xI9hI98SOEjhI8hI4SOEjhI4SOEjhI4SPQSOEjh' +
    'I4SPMSOEjhI4SOEjhI4SPcJHCRwkcJHCRhI4SOEjhI4SOEjCRhIwkYRWNSVn7ykKNSkKOpSIr7IlRX1iR6iR6CR6iR6iR5iRokYSMJGEj' +
    'zCKmEjCR5CRhIwkeUIqYSMJGEjzEjCR4CKmEjCRhIwkYVIsJGEjCRhIwkYSMJGEjCRhIwkYSMJGEjCRhIwkYSMJGEjwJHgSMJGEjVJXMp' +
    'CjaUhRmUhRhKQo0lIUbFIUYSkKOJSFGspCj1KQoyKQoxlIUZSkKOJSFH3KQoyKQo7ykKOxSFGcpCjaUhRpKQo5ykKMvEpCjeUhRvKQo6S' +
    'kKMCkKPaUhRvKQozlIUdJSFGRSFHKUhR1lIUYykKOJSFHSUhRlKQo9JSFH8UhRhFIUYcpSFHnKQozSkKP8xQVkmU1ngHs+HAEHH2YAAEE' +
    'AAf+A77Z9AUAPeAAAAAUAAAAAKAAAAAFAAAAACgAAAAAUqofqhT/1UaTBGmnoj+qiE9JRCesohPhUQnuqIT5VEJ3lUo68AiTqqIT2EvCo' +
    'uAlwEvES7CXkJfkS8xL0EvUS9hLrUWiWiXES0S0S0S0S0S0S0S6VFolololyEtEtEtEtEtEtEuYlololololglolololololglglglglg' +
    'l5qiE95RCeUohPhUQn6qLsJdhLsJdhLkJZUWCWCWCXIIGCWCXGosEsEuIQMEsEsEuQlglwCBglglglglgqhglglglglglglglglglglgl' +
    'glglglglglglglglglwEuAlglglglylEJ3VEJ0lEJxVEJ7KiE7yiE4qiE+1RCe6ohPGUQnOUQmKiE5qiE+1RCfCohOcohP4qIT0lEJ0VE' +
    'J3VEJ6qiE5KiE+ZRCfSohPpUQnRUQnGUQnZUQn0qITwVEJ1VEJzlEJwVEJ5KiExUQn2qITqqITmqITwlEJ/pRCcRKirVRCdKUQn/F3JFO' +
    'FCQLL/dJw',
  'base64',
);
const xzWithSha256 = Buffer.from(
  '/Td6WFoAAArh+wyhAgAhARYAAAB0L+WjAQAAeAAAAAAtcRZCtyawRAFifKn7rDL1yFMPsZA8xNsCJYcXkhpIgQABMQEPgtyRGJtLmgEAAAAAClla',
  'base64',
);
const zstdWithoutChecksum = Buffer.concat([
  zstd.subarray(0, 4),
  Buffer.from([(zstd[4] ?? 0) & ~4]),
  zstd.subarray(5, -4),
]);
/** Five million zeroes. */
const bzip2Zeroes = Buffer.from(
  'QlpoMTFBWSZTWabi8/QAJkvAAsAACAAACCAAMMwFKaapEUbAoijxdyRThQkKbi8/QA==',
  'base64',
);
/** A frame that holds nothing: RFC 8878, "Skippable Frames". */
const skipped = Buffer.from('502a4d1800000000', 'hex');

const packed = [
  ['gzip', gzipSync(text)],
  ['xz', xz],
  ['zstd', zstd],
  ['bzip2', bzip2],
] as const;

describe('decompressed', () => {
  const good: readonly (readonly [string, Buffer, Buffer])[] = [
    ['plain content', text, text],
    ['nothing', Buffer.alloc(0), Buffer.alloc(0)],
    ...packed.flatMap(
      ([name, bytes]) =>
        [
          [name, bytes, text],
          [`${name} twice, one after the other`, Buffer.concat([bytes, bytes]), Buffer.concat([text, text])],
        ] as const,
    ),
    ['xz with padding', Buffer.concat([xz, Buffer.alloc(8)]), text],
    ['zstd without a checksum', zstdWithoutChecksum, text],
    ['zstd among frames to skip', Buffer.concat([...Array(300).fill(skipped), zstd, skipped]), text],
  ];
  for (const [title, bytes, plain] of good) {
    for (const size of [65_536, 100, 7]) {
      it(`reads ${title} in pieces of ${size}`, async () => {
        const read = await buffer(await decompressed(piecesOf(bytes, bytes === text ? 65_536 : size)));
        expect(sum(read)).to.equal(sum(plain));
      });
    }
  }

  const bad: readonly (readonly [string, Buffer, string])[] = [
    ...packed.flatMap(([name, bytes]) =>
      wrongs(bytes).map(([what, wrong]) => [`${name} ${what}`, wrong, 'INVALID_COMPRESSION'] as const),
    ),
    ['xz with a SHA-256', xzWithSha256, 'UNSUPPORTED_COMPRESSION'],
  ];
  for (const [title, bytes, code] of bad) {
    it(`refuses ${title}`, async () => {
      const reading = decompressed(piecesOf(bytes, 64)).then(buffer);
      expect(await rejection(reading)).to.have.property('code', code);
    });
  }

  for (const [name, bytes] of packed) {
    it(`fails with what the stream of ${name} fails with`, async () => {
      const broken = async function* (): AsyncGenerator<Buffer> {
        yield bytes.subarray(0, 64);
        throw new Error('the line is cut');
      };
      const reading = decompressed(Readable.from(broken(), { objectMode: false })).then(buffer);
      expect((await rejection(reading)).message).to.equal('the line is cut');
    });

    it(`stops reading ${name} when told to`, async () => {
      const controller = new AbortController();
      const endless = new Readable({ read() {} });
      endless.push(bytes.subarray(0, 64));
      const reading = decompressed(endless, { signal: controller.signal }).then(buffer);
      setTimeout(() => controller.abort(new Error('enough')), 20);
      expect((await rejection(reading)).message).to.equal('enough');
      expect(endless.destroyed).to.equal(true);
    });

    // It gives nothing before a block of 900 kB is there.
    if (name === 'bzip2') continue;
    it(`can be read again after ${name} was left unread`, async () => {
      const stalled = new Readable({ read() {} });
      stalled.push(bytes.subarray(0, bytes.length - 9));
      for await (const _ of await decompressed(stalled)) break;
      expect(sum(await buffer(await decompressed(piecesOf(bytes, 64))))).to.equal(sum(text));
    });
  }

  it('holds one block of bzip2 at a time, however much a few bytes hold', async () => {
    const bomb = Buffer.concat(Array(20).fill(bzip2Zeroes));
    const before = process.memoryUsage().arrayBuffers;
    let seen = 0;
    let most = 0;
    for await (const piece of await decompressed(piecesOf(bomb, 65_536))) {
      seen += (piece as Buffer).length;
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      if (seen > 10_000_000) break;
    }
    expect(most).to.be.lessThan(50_000_000);
  });

  it('reads many side by side', async () => {
    const all = await Promise.all(
      [xz, zstd, xz, zstd, xz].map(async (bytes) => buffer(await decompressed(piecesOf(bytes, 7)))),
    );
    expect(all.map(sum)).to.deep.equal(all.map(() => sum(text)));
  });
});

function wrongs(bytes: Buffer): readonly (readonly [string, Buffer])[] {
  const flipped = (at: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 0x10;
    return copy;
  };
  return [
    ['cut off by a byte', bytes.subarray(0, -1)],
    ['cut off in its checksum', bytes.subarray(0, -3)],
    ['cut off in the middle', bytes.subarray(0, bytes.length >> 1)],
    ['cut off after its magic', bytes.subarray(0, 6)],
    ['with a wrong byte in the middle', flipped(bytes.length >> 1)],
    ['with a wrong checksum', flipped(bytes.length - 4)],
    ['with something behind it', Buffer.concat([bytes, Buffer.from('something else')])],
  ];
}

function piecesOf(bytes: Buffer, size: number): Readable {
  const pieces = function* (): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
  return Readable.from(pieces(), { objectMode: false });
}

function sum(bytes: Uint8Array): string {
  return `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`;
}
