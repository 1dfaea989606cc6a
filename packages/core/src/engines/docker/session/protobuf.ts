import { MabuildError } from '@mabuild/oci';

/** One field of a protobuf message: its number, and a number or bytes. */
export type WireField =
  | { readonly number: number; readonly kind: 'varint'; readonly value: bigint }
  | { readonly number: number; readonly kind: 'bytes'; readonly value: Buffer };

/** Largest field number that the format allows. */
const largestNumber = 2 ** 29 - 1;

/**
 * Reads the fields of a protobuf message; fixed-size numbers, which none of BuildKit's messages here use, are passed over.
 * @throws MabuildError `ENGINE_ANSWER_INVALID`
 */
export function* readFields(message: Buffer): Generator<WireField> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at];
      if (byte === undefined) break;
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw malformed('a number');
  };
  while (at < message.length) {
    const key = varint();
    const number = Number(key >> 3n);
    if (number < 1 || number > largestNumber) throw malformed('a field');
    switch (Number(key & 7n)) {
      case 0:
        yield { number, kind: 'varint', value: varint() };
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = Number(varint());
        if (at + length > message.length) throw malformed('bytes');
        yield { number, kind: 'bytes', value: message.subarray(at, at + length) };
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw malformed('a field');
    }
  }
  if (at > message.length) throw malformed('a field');
}

/** Text of a bytes field; empty for a number. */
export function textOf(field: WireField): string {
  return field.kind === 'bytes' ? field.value.toString('utf8') : '';
}

/** Value of a number field; 0 for bytes. */
export function numberOf(field: WireField): number {
  return field.kind === 'varint' ? Number(field.value) : 0;
}

/** Writes a number field; 0 is left out, as proto3 has it. */
export function varintField(number: number, value: number | bigint): Buffer {
  if (value === 0 || value === 0n) return Buffer.alloc(0);
  return Buffer.concat([varintBytes(number << 3), varintBytes(value)]);
}

/** Writes a bytes or text field; an empty one is left out. */
export function bytesField(number: number, value: Uint8Array | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  if (bytes.length === 0) return Buffer.alloc(0);
  return Buffer.concat([varintBytes((number << 3) | 2), varintBytes(bytes.length), bytes]);
}

function varintBytes(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Buffer.from(bytes);
}

function malformed(what: string): MabuildError {
  return new MabuildError(`BuildKit sent a message with ${what} that cannot be read`, {
    code: 'ENGINE_ANSWER_INVALID',
    hint: 'something between mabuild and the engine changed it',
  });
}
