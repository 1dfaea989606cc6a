import type { LayerEntry } from '../../layers/entry.ts';
import { layerChunks } from '../../layers/write-layer.ts';

/** The bytes of a layer's tar. @param onContent told the digest of each file's content whose entry does not have it */
export async function* layerTar(
  entries: Iterable<LayerEntry>,
  onContent?: (entry: LayerEntry, digest: string) => void,
): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of layerChunks(entries, onContent)) yield bytes;
}
