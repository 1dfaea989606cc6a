/**
 * One entry of a ustar archive, the same bytes for the same input: owner 0, one fixed time.
 *
 * @param {string} name path without a leading slash, at most 100 bytes; folders end in a slash
 * @param {{ mode: number, body?: Uint8Array, link?: string, hardLink?: string }} entry
 */
export function tarEntry(name, { mode, body = new Uint8Array(), link, hardLink }) {
  if (Buffer.byteLength(name) > 100) throw new Error(`${name} is too long for a plain tar header`);
  const header = Buffer.alloc(512);
  const octal = (value, offset, length) => header.write(value.toString(8).padStart(length - 1, '0'), offset);
  header.write(name, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(body.length, 124, 12);
  octal(madeAt, 136, 12);
  header.fill(' ', 148, 156);
  header.write(link !== undefined ? '2' : hardLink !== undefined ? '1' : name.endsWith('/') ? '5' : '0', 156);
  header.write(link ?? hardLink ?? '', 157);
  header.write('ustar\0' + '00', 257);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

/** 2026-01-01T00:00:00Z in seconds, the time of everything that base images hold. */
export const madeAt = 1767225600;

/**
 * A whole archive of entries.
 *
 * @param {readonly Uint8Array[]} entries
 */
export function tar(entries) {
  return Buffer.concat([...entries, Buffer.alloc(1024)]);
}
