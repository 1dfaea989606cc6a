const block = 512;

/** A member's header taken apart. */
export interface MemberHeader {
  /** The records of its extended headers (POSIX pax), as bytes: values of attributes need not be text. */
  readonly pax: ReadonlyMap<string, Buffer>;
  /** The member's own block, and what blocks follow it. */
  readonly main: Buffer;
}

/** @param header every header block of a member */
export function takeApart(header: Buffer): MemberHeader {
  const records = new Map<string, Buffer>();
  let at = 0;
  while (at + block < header.length) {
    const type = String.fromCharCode(header[at + 156] ?? 0);
    const size = Number.parseInt(header.toString('latin1', at + 124, at + 136).replace(/[\0 ].*$/s, ''), 8);
    if (!'xgLK'.includes(type) || !(size >= 0)) break;
    if (type === 'x') readRecords(header.subarray(at + block, at + block + size), records);
    at += block + Math.ceil(size / block) * block;
  }
  return { pax: records, main: header.subarray(at) };
}

function readRecords(data: Buffer, records: Map<string, Buffer>): void {
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const length = Number(data.toString('latin1', at, space));
    const equals = data.indexOf(0x3d, space);
    if (space < 0 || equals < 0 || !Number.isInteger(length) || length <= 0) return;
    records.set(data.toString('utf8', space + 1, equals), data.subarray(equals + 1, at + length - 1));
    at += length;
  }
}

/** One record; its length counts its own digits. */
export function paxRecord(key: string, value: Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + String(rest.length).length;
  length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
