import type { LayerEntry } from '../../layers/entry.ts';
import { writeLayer } from '../../layers/write-layer.ts';

/** The bytes of a layer's tar. */
export async function* layerTar(entries: Iterable<LayerEntry>): AsyncGenerator<Uint8Array> {
  const chunks: AsyncIterable<Uint8Array | { readonly bytes: Uint8Array }> = writeLayer(entries);
  for await (const chunk of chunks) yield chunk instanceof Uint8Array ? chunk : chunk.bytes;
}
