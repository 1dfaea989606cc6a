import type { StoredLayer } from './layers/layer-scanner.ts';
import type { Tree } from './layers/tree.ts';

/** Files that COPY, ADD or a mount takes from somewhere. */
export interface FileSource {
  readonly tree: () => Promise<Tree>;
  /** Of a stage or an image; a build context has none. */
  readonly layers?: readonly StoredLayer[];
}
