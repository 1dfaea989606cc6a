import { expect } from 'chai';
import {
  bytesField,
  numberOf,
  readFields,
  textOf,
  varintField,
} from '../../../../../packages/core/src/engines/docker/session/protobuf.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('protobuf', () => {
  const written: readonly [string, Buffer, string][] = [
    ['a number', varintField(1, 150), '08 9601'],
    ['zero, which proto3 leaves out', varintField(1, 0), ''],
    ['a large number', varintField(6, 1_700_000_000_000_000_000n), '30 8080a8b1e39fe7cb17'],
    ['a negative number in ten bytes', varintField(1, -1), '08 ffffffffffffffffff01'],
    ['the highest bit that Go uses for folders', varintField(2, 0x80000000), '10 8080808008'],
    ['text', bytesField(2, 'testing'), '12 07 74657374696e67'],
    ['empty text, which proto3 leaves out', bytesField(2, ''), ''],
    ['a field number of two bytes', varintField(16, 1), '8001 01'],
  ];
  for (const [what, bytes, expected] of written)
    it(`writes ${what}`, () => expect(bytes.toString('hex')).to.equal(expected.replaceAll(' ', '')));

  const read: readonly [string, string, readonly (readonly [number, bigint | string])[]][] = [
    ['nothing', '', []],
    [
      'a number and text',
      '08 9601 12 02 6869',
      [
        [1, 150n],
        [2, 'hi'],
      ],
    ],
    ['the largest number', '08 ffffffffffffffffff01', [[1, 2n ** 64n - 1n]]],
    ['a number with needless bytes', '08 8100', [[1, 1n]]],
    [
      'a field twice',
      '08 01 08 02',
      [
        [1, 1n],
        [1, 2n],
      ],
    ],
    ['past fixed64 and fixed32', '09 0102030405060708 15 01020304 18 07', [[3, 7n]]],
    ['empty bytes', '12 00', [[2, '']]],
    ['the largest field number', 'f8ffffff0f 01', [[2 ** 29 - 1, 1n]]],
  ];
  for (const [what, bytes, expected] of read)
    it(`reads ${what}`, () => {
      const fields = [...readFields(hex(bytes))].map((field) => [
        field.number,
        field.kind === 'varint' ? field.value : field.value.toString(),
      ]);
      expect(fields).to.deep.equal(expected);
    });

  const bad: readonly [string, string][] = [
    ['a number that breaks off', '08 96'],
    ['a number of eleven bytes', '08 ffffffffffffffffffff01'],
    ['a key without a value', '08'],
    ['bytes that break off', '12 07 7465'],
    ['a length beyond all reason', '12 ffffffffffffffffff01'],
    ['a fixed64 that breaks off', '09 010203'],
    ['a fixed32 that breaks off', '15 0102'],
    ['the start of a group', '0b 0c'],
    ['the end of a group', '0c'],
    ['wire type 6', '0e 00'],
    ['wire type 7', '0f 00'],
    ['field number 0', '00 01'],
    ['a field number that is too large', '80808080 10 01'],
  ];
  for (const [what, bytes] of bad)
    it(`refuses ${what}`, () => {
      expect(() => [...readFields(hex(bytes))])
        .to.throw(/BuildKit sent a message/)
        .with.property('code', 'ENGINE_ANSWER_INVALID');
    });

  it('takes a field of the other kind for nothing', () => {
    const [number, text] = [...readFields(hex('08 05 12 01 61'))];
    expect(textOf(number!)).to.equal('');
    expect(numberOf(text!)).to.equal(0);
  });
});
