import { brotliDecompressSync } from 'node:zlib';

/** Reads a table that stands in the source as JSON, compressed by Brotli, in base64. */
export function unpackTable({ packed }: { readonly packed: string }): unknown {
  return JSON.parse(brotliDecompressSync(Buffer.from(packed, 'base64')).toString('utf8'));
}
